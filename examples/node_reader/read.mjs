// node read.mjs FILE...: opens every vector, and says whether it is read as its file says.

import { isDeepStrictEqual } from 'node:util';
import { argv, exit, stderr } from 'node:process';
import { fromHex } from './src/bytes.mjs';
import { graphOf } from './src/graph.mjs';
import { Refused } from './src/refused.mjs';
import { expectedOf, formsOf, load, readingOf, receiverOf } from './src/vectors.mjs';

/** What differs from what the vector says; nothing where all is as it should be. */
async function differences(loaded) {
  const { vector } = loaded;
  if (vector.graph !== undefined) {
    return expectCode(vector, () => graphOf(vector.graph.map(statementOf)));
  }
  const found = [];
  for (const form of formsOf(vector.envelope)) {
    found.push(
      ...(vector.error === undefined
        ? await readValid(loaded, form)
        : await expectCode(vector, () => openInvalid(loaded, form))),
    );
  }
  return found;
}

const statementOf = ({ id, parents }) => ({ id: fromHex(id), parents: parents.map(fromHex) });

async function expectCode(vector, open) {
  try {
    await open();
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    if (problem.code === vector.error) return [];
    return [`refused as ${problem.message}, expected ${vector.error}`];
  }
  return [`not refused, expected ${vector.error}`];
}

async function openInvalid(loaded, form) {
  const { vector } = loaded;
  const department = receiverOf(loaded);
  const journey = openAgain(department, form, vector);
  const { open_scope: number } = vector.expectation;
  if (number === undefined) return;
  const [code] = await journey.openScope(department.vocabulary.scope(number));
  if (code !== undefined) throw new Refused(code);
}

function openAgain(department, form, vector) {
  const expected = expectedOf(vector);
  const times = vector.expectation.received_before ?? 0;
  for (let i = 0; i < times; i += 1) department.open(form, { ...expected, once: false });
  return department.open(form, expected);
}

async function readValid(loaded, form) {
  const { vector } = loaded;
  const journey = openAgain(receiverOf(loaded), form, vector);
  await journey.openAll();
  return compare(readingOf(journey), vector.reads, 'reads');
}

/** The first places at which two JSON values differ. */
function compare(found, expected, path) {
  if (isDeepStrictEqual(found, expected)) return [];
  const both = [found, expected];
  if (both.every((value) => value !== null && typeof value === 'object')) {
    const names = new Set(both.flatMap(Object.keys));
    return [...names].flatMap((name) => compare(found[name], expected[name], `${path}.${name}`));
  }
  return [`${path} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`];
}

let wrong = 0;
for (const path of argv.slice(2)) {
  const loaded = load(path);
  const { name, error } = loaded.vector;
  let found;
  try {
    found = await differences(loaded);
  } catch (problem) {
    found = [problem instanceof Refused ? `refused as ${problem.message}` : problem.stack];
  }
  if (found.length > 0) wrong += 1;
  console.log(`${found.length > 0 ? 'WRONG' : 'ok'} ${name}: ${error ?? 'valid'}`);
  for (const line of found.slice(0, 10)) console.log(`  ${line}`);
}
if (argv.length < 3) stderr.write('usage: node read.mjs FILE...\n');
exit(wrong > 0 || argv.length < 3 ? 1 : 0);
