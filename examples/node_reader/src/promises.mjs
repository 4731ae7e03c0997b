// Section 7: what became of the promises.

import { secondsOf } from './fold.mjs';

const [MAKE, ACCEPT, KEEP, MISS, MOVE, RELEASE, OBSERVE, HAND_OVER] = [0, 1, 2, 3, 4, 5, 6, 7];
const ENDED = { [KEEP]: 'kept', [MISS]: 'missed', [RELEASE]: 'released' };
// A promise has two stories: what became of it, and whose it is.
const BECAME = [MAKE, MOVE, KEEP, MISS, RELEASE];
const WHOSE = [MAKE, ACCEPT, HAND_OVER];
const WHEN = [MAKE, MOVE];

/** Every promise that a reader sees, in the order in which they first occur. */
export function foldPromises(field, contents, { vocabulary, now, descends }) {
  const byName = new Map();
  for (const { statement, author, facts = [] } of contents) {
    if (statement.expires <= now || !field.scope.mayWrite.has(author)) continue;
    for (const fact of facts) {
      if (fact.field !== field.number || !fact.hasValue) continue;
      if (!vocabulary.fits(field.type, fact.value)) continue;
      const qualifier = fact.qualifier ?? '';
      const name = qualifier.includes('/') ? qualifier : `${author}/${qualifier}`;
      const [action, kind, wording, owner, until, from] = fact.value;
      const step = {
        statement,
        author,
        at: statement.issued - fact.age,
        action,
        kind: kind ?? null,
        wording: wording ?? null,
        owner: owner ?? null,
        until: seconds(until),
        from: seconds(from),
      };
      if (!byName.has(name)) byName.set(name, []);
      byName.get(name).push(step);
    }
  }
  const upon = (later, earlier) => descends(later.statement, earlier.statement);
  return [...byName].flatMap(([name, steps]) => promiseOf(name, steps, upon) ?? []);
}

const seconds = (instant) => (instant === undefined || instant === null ? null : secondsOf(instant));

function promiseOf(name, steps, upon) {
  const creator = name.split('/')[0];
  const makes = steps.filter(({ action, author }) => action === MAKE && author === creator);
  if (makes.length === 0) return undefined;
  const accepts = steps.filter(({ action }) => action === ACCEPT);
  const made = accepts.flatMap((a) => makes.filter((m) => upon(a, m)))[0] ?? makes[0];

  const latest = (among, actions) => {
    const chosen = among.filter(({ action }) => actions === undefined || actions.includes(action));
    return chosen.filter((step) => !chosen.some((other) => upon(other, step)));
  };
  const counts = [made];
  const first = made.owner === null || made.owner === creator ? null : made.owner;
  const whose = new Map([[made, { owner: creator, asked: first }]]);
  const broken = new Set();
  for (const step of steps) {
    if (step.action === MAKE) continue;
    const seen = counts.filter((other) => upon(step, other));
    if (seen.length === 0) continue;
    const held = latest(seen, WHOSE).map((other) => whose.get(other));
    if (step.action === OBSERVE) {
      if (!held.some(({ owner }) => owner === step.author)) broken.add(step.author);
      continue;
    }
    const after = [...held].reverse().map((one) => afterStep(one, step));
    const taken = after.find((one) => one !== undefined);
    if (taken === undefined) continue;
    counts.push(step);
    whose.set(step, taken);
  }

  const became = latest(counts, BECAME);
  const owns = latest(counts, WHOSE);
  const { owner, asked } = whose.get(owns.at(-1));
  const when = latest(counts, WHEN).at(-1);
  const last = became.at(-1).action;
  const differ = [latest(counts), became, owns].some((ones) => new Set(ones.map(outcome)).size > 1);
  let status = last === MOVE ? 'moved' : 'open';
  if (asked !== null && owner === made.author && made.owner !== null && made.owner !== owner) {
    status = 'proposed';
  }
  status = ENDED[last] ?? status;
  if (differ || new Set(makes.map(said)).size > 1) status = 'conflict';
  return {
    id: name,
    status,
    kind: made.kind ?? '',
    wording: made.wording ?? '',
    created_by: made.author,
    owner,
    proposed_to: asked,
    due_from: when.from,
    due_until: when.until,
    told_at: made.at,
    observed_broken_by: [...broken].sort(),
  };
}

/** Who answers for it after a step; undefined where its author may not take that. */
function afterStep({ owner, asked }, step) {
  if (step.action === ACCEPT) {
    return step.author === asked ? { owner: step.author, asked: null } : undefined;
  }
  if (step.author !== owner) return undefined;
  if (step.action !== HAND_OVER) return { owner, asked };
  return { owner, asked: step.owner === owner ? null : step.owner };
}

const outcome = ({ action, author, owner, from, until }) =>
  JSON.stringify([action, action === ACCEPT ? author : owner, from, until]);

const said = ({ action, kind, wording, owner, from, until }) =>
  JSON.stringify([action, kind, wording, owner, from, until]);
