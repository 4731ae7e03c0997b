// The files of vectors/: what they hold, and how what is read is written in them.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { concat, fromHex, hex } from './bytes.mjs';
import { Float, Tagged } from './cbor.mjs';
import { ARRIVALS, FLAGS } from './envelope.mjs';
import { secondsOf } from './fold.mjs';
import { Department } from './journey.mjs';
import { KeySet, PrivateKeys } from './keys.mjs';
import { Vocabulary } from './vocabulary.mjs';

const KNOWN = ['inferred', 'observed', 'stated', 'verified'];
const MARKS = ['asked', 'refused', 'does_not_know'];
const PURPOSES = ['dpv:Marketing', 'dpv:ServiceProvision'];

const json = (path) => JSON.parse(readFileSync(path, 'utf-8'));

/** A vector, with the keys and the vocabulary that it names. */
export function load(path) {
  const vector = json(path);
  const root = join(dirname(path), '..');
  const keys = vector.keys && json(join(root, 'keys', `${vector.keys}.json`));
  const vocabulary =
    vector.vocabulary && json(join(root, 'vocabularies', `${vector.vocabulary}.json`));
  return { vector, keys, vocabulary };
}

/** The envelope in each of the forms that the vector gives. */
export function formsOf({ hex: binary, text, followed_by: behind }) {
  const forms = [];
  if (binary !== undefined) {
    const tail = fromHex((behind?.hex ?? '').repeat(behind?.times ?? 0));
    forms.push(concat(fromHex(binary), tail));
  }
  if (text !== undefined) forms.push(text + (behind?.text ?? '').repeat(behind?.times ?? 0));
  return forms;
}

export function receiverOf({ vector, keys, vocabulary }) {
  return new Department(vector.receiver, {
    domain: vector.domain,
    keySet: new KeySet(keys.key_set),
    privateKeys: new PrivateKeys(keys.private_keys[vector.receiver]),
    vocabulary: new Vocabulary(vocabulary),
    purpose: vector.expectation.purpose ?? null,
    secret: vector.secret === undefined ? undefined : fromHex(vector.secret),
  });
}

export function expectedOf({ expectation }) {
  const { open, now, once = false } = expectation;
  const bytes = (text) => (text === undefined ? null : fromHex(text));
  const how = expectation.arrival ?? (open === 'resume' ? 'home' : 'delivery');
  return {
    open,
    now,
    once,
    binding: bytes(expectation.binding),
    replyTo: bytes(expectation.reply_to),
    maxLifetime: expectation.max_lifetime ?? 300,
    arrival: ARRIVALS.indexOf(how),
  };
}

// --- what is read --------------------------------------------------------------------------

export function readingOf(journey) {
  const { statements, authors, department } = journey;
  return {
    journey_id: journey.id,
    sender: journey.sender,
    arrival: ARRIVALS[journey.arrival],
    delivery_id: hex(journey.delivery.id),
    left_out: journey.leftOut.map(({ keyId, code }) => ({ key_id: hex(keyId), code })),
    statements: statements.map((statement) => ({
      id: hex(statement.id),
      author: authors.get(statement) ?? null,
      issued: statement.issued,
      expires: statement.expires,
      channel: statement.channel,
      revision: Number(statement.revision),
      parents: statement.parents.map(hex),
      flags: Object.keys(FLAGS).filter((name) => (statement.flags & FLAGS[name]) !== 0),
      clear: statement.clear.map(factToJson),
    })),
    scopes: Object.fromEntries(
      department.vocabulary.scopes
        .filter((scope) => journey.mayRead(scope))
        .map((scope) => [scope.number, journey.contents.get(scope).map(contentToJson)]),
    ),
    fields: journey.readable().flatMap((field) => fieldsToJson(journey, field)),
    promises: journey.promises(),
    consents: Object.fromEntries(
      PURPOSES.filter((purpose) => journey.hasConsent(purpose)).map((purpose) => [purpose, true]),
    ),
  };
}

function contentToJson({ statement, unread, facts, marks }) {
  const found = { statement: hex(statement.id) };
  if (unread !== undefined) return { ...found, unread };
  return { ...found, facts: facts.map(factToJson), marks: marks.map(markToJson) };
}

function factToJson({ field, hasValue, value, known, age, qualifier, reportedBy }) {
  return {
    field,
    ...(hasValue && { value: valueToJson(value) }),
    known: KNOWN[known],
    ...(age > 0 && { age }),
    ...(qualifier !== null && { qualifier }),
    ...(reportedBy !== null && { reported_by: reportedBy }),
  };
}

function markToJson({ field, kind, age, qualifier, because }) {
  return {
    field,
    kind: MARKS[kind],
    ...(age > 0 && { age }),
    ...(qualifier !== null && { qualifier }),
    ...(because !== null && { because }),
  };
}

function fieldsToJson(journey, field) {
  const order = (a, b) => Buffer.compare(Buffer.from(a ?? ''), Buffer.from(b ?? ''));
  return journey
    .qualifiers(field)
    .sort(order)
    .map((qualifier) => {
      const { standing, settled, gap } = journey.read(field, qualifier);
      return {
        field: field.name,
        ...(qualifier !== null && { qualifier }),
        ...(gap === undefined ? { recalled: valueToJson(standing[0].fact.value) } : { gap }),
        ...(standing.length > 0 && { settled, standing: standing.map(standingToJson) }),
      };
    });
}

function standingToJson({ fact, known, author, at }) {
  return {
    ...(fact.hasValue && { value: valueToJson(fact.value) }),
    known: KNOWN[known],
    department: author,
    at,
    ...(fact.reportedBy !== null && { reported_by: fact.reportedBy }),
  };
}

/** A decoded value in the JSON of vectors/README.md. */
export function valueToJson(value) {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isSafeInteger(value))) {
    return { integer: String(value) };
  }
  if (value instanceof Float) return { float: value.value };
  if (value instanceof Uint8Array) return { bytes: hex(value) };
  if (value instanceof Tagged) return taggedToJson(value);
  if (Array.isArray(value)) return value.map(valueToJson);
  if (value instanceof Map) return { map: [...value].map((entry) => entry.map(valueToJson)) };
  return value;
}

function taggedToJson(value) {
  const { tag, content } = value;
  if (tag === 4) return { decimal: [content[0], String(content[1])] };
  if (tag === 100) return { day: dateText(content * 86_400_000).slice(0, 10) };
  if (tag === 0) return { instant: content };
  return { instant: `${dateText(secondsOf(value) * 1000).slice(0, 19)}Z` };
}

const dateText = (milliseconds) => new Date(milliseconds).toISOString();
