// Section 4: what is inside a section, and in the clear facts of a statement.

import { Refused, refuse } from './refused.mjs';
import { decode, encode, Float, isInteger, Tagged } from './cbor.mjs';

const [VALUE, KNOWN, AGE, QUALIFIER, REPORTED_BY] = [0, 1, 2, 3, 4];
export const [INFERRED, OBSERVED, STATED, VERIFIED] = [0, 1, 2, 3];
export const [ASKED, WAS_REFUSED, DOES_NOT_KNOW] = [0, 1, 2];
const MARKS = 0;
const MAX_FIELD = 65_535;
const MAX_AGE = 2 ** 40;
const MAX_NAME_CHARS = 64; // qualifiers and reporters
const MAX_BECAUSE_CHARS = 256;
const MAX_PLAINTEXT_BYTES = 16_384;
const PADDING = 32;
const MAX_CLEAR_ENTRIES = 64;
const MAX_CLEAR_BYTES = 32;

const isScalar = (value) => !Array.isArray(value) && !(value instanceof Map);

/** What the padded plaintext says: facts and marks. All that is wrong is one code. */
export function parseContent(padded) {
  try {
    const plaintext = decode(unpad(padded), { plaintext: true });
    if (!(plaintext instanceof Map)) refuse('malformed', 'plaintext');
    return parseFields(plaintext);
  } catch (problem) {
    if (problem instanceof Refused) refuse('section_malformed', problem.message);
    throw problem;
  }
}

export function pad(plaintext) {
  const padded = new Uint8Array((Math.floor(plaintext.length / PADDING) + 1) * PADDING);
  padded.set(plaintext);
  padded[plaintext.length] = 0x80;
  return padded;
}

function unpad(padded) {
  const end = padded.lastIndexOf(0x80);
  const zeros = padded.subarray(end + 1);
  if (
    end < 0 ||
    padded.length % PADDING !== 0 ||
    padded.length > MAX_PLAINTEXT_BYTES ||
    zeros.length >= PADDING ||
    zeros.some((byte) => byte !== 0)
  ) {
    refuse('malformed', 'padding');
  }
  return padded.slice(0, end);
}

function parseFields(plaintext) {
  const facts = [];
  const marks = [];
  for (const [number, entry] of plaintext) {
    if (number === MARKS) {
      marks.push(...parseMarks(entry));
    } else if (Array.isArray(entry)) {
      if (entry.length < 2) refuse('malformed', 'a list of one fact');
      facts.push(...entry.map((fact) => parseFact(number, fact)));
    } else {
      facts.push(parseFact(number, entry));
    }
  }
  const qualifiers = new Map(facts.map(({ field }) => [field, new Set()]));
  for (const { field, qualifier } of facts) {
    if (qualifiers.get(field).has(qualifier)) refuse('malformed', 'a field and qualifier twice');
    qualifiers.get(field).add(qualifier);
  }
  return { facts, marks };
}

function parseFact(number, entry) {
  const field = parseField(number);
  const fact = { field, hasValue: true, known: STATED, age: 0, qualifier: null, reportedBy: null };
  if (!(entry instanceof Map)) {
    if (Array.isArray(entry)) refuse('malformed', 'fact');
    return { ...fact, value: entry };
  }
  if ([...entry.keys()].some((label) => !isInteger(label) || label < VALUE || label > REPORTED_BY)) {
    refuse('malformed', 'fact');
  }
  if (entry.size === 1 && entry.has(VALUE) && isScalar(entry.get(VALUE))) {
    refuse('not_canonical', 'a bare value in a map');
  }
  const known = entry.has(KNOWN) ? entry.get(KNOWN) : STATED;
  if (!isInteger(known) || known < INFERRED || known > VERIFIED) refuse('malformed', 'known');
  if (entry.has(KNOWN) && known === STATED) refuse('not_canonical', 'known');
  const age = entry.has(AGE) ? parseAge(entry.get(AGE)) : 0;
  if (entry.has(AGE) && age === 0) refuse('not_canonical', 'age');
  return {
    ...fact,
    hasValue: entry.has(VALUE),
    value: entry.get(VALUE),
    known,
    age,
    qualifier: entry.has(QUALIFIER) ? parseText(entry.get(QUALIFIER), MAX_NAME_CHARS) : null,
    reportedBy: entry.has(REPORTED_BY) ? parseText(entry.get(REPORTED_BY), MAX_NAME_CHARS) : null,
  };
}

function parseMarks(entry) {
  if (!(entry instanceof Map) || entry.size === 0) refuse('malformed', 'marks');
  return [...entry].flatMap(([number, marks]) => {
    if (!Array.isArray(marks) || marks.length === 0) refuse('malformed', 'marks');
    return marks.map((mark) => parseMark(number, mark));
  });
}

function parseMark(number, mark) {
  if (!Array.isArray(mark) || mark.length < 1 || mark.length > 4) refuse('malformed', 'mark');
  const [kind, age = 0, qualifier = null, because = null] = mark;
  if (!isInteger(kind) || kind < ASKED || kind > DOES_NOT_KNOW) refuse('malformed', 'mark');
  if (mark.length > 1 && (mark.at(-1) === 0 || mark.at(-1) === null)) {
    refuse('not_canonical', 'mark');
  }
  return {
    field: parseField(number),
    kind,
    age: parseAge(age),
    qualifier: qualifier === null ? null : parseText(qualifier, MAX_NAME_CHARS),
    because: because === null ? null : parseText(because, MAX_BECAUSE_CHARS),
  };
}

function parseField(number) {
  if (!isInteger(number) || number === 0 || number < -MAX_FIELD || number > MAX_FIELD) {
    refuse('malformed', 'field');
  }
  return number;
}

function parseAge(age) {
  if (!isInteger(age) || age < 0 || age > MAX_AGE) refuse('malformed', 'age');
  return age;
}

function parseText(text, limit) {
  if (typeof text !== 'string' || text === '' || [...text].length > limit) {
    refuse('malformed', 'text');
  }
  return text;
}

/** The clear facts of a statement's claims. */
export function parseClearFacts(entries) {
  if (!(entries instanceof Map)) refuse('malformed', 'clear facts');
  if (entries.size > MAX_CLEAR_ENTRIES) refuse('limit_exceeded', 'clear facts');
  const facts = [...entries].map(([number, entry]) => parseFact(number, entry));
  if (facts.some(({ qualifier }) => qualifier !== null)) refuse('malformed', 'clear fact');
  for (const { hasValue, value } of facts) {
    const fits = typeof value === 'string' || typeof value === 'boolean' || isInteger(value);
    if (hasValue && (!fits || encode(value).length > MAX_CLEAR_BYTES)) {
      refuse('malformed', 'clear fact');
    }
  }
  return facts;
}

/** A value so that two are equal iff their texts are: section 7, rule 4. */
export function comparable(value) {
  if (value instanceof Float) {
    return Number.isInteger(value.value) ? String(BigInt(value.value)) : `f${value.value}`;
  }
  if (value instanceof Tagged && value.tag === 4) {
    let [exponent, mantissa] = value.content.map(BigInt);
    if (mantissa === 0n) return 'd0';
    while (mantissa % 10n === 0n) [exponent, mantissa] = [exponent + 1n, mantissa / 10n];
    return `d${mantissa}e${exponent}`;
  }
  if (value instanceof Tagged) return `t${value.tag}:${comparable(value.content)}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `[${value.map(comparable).join(',')}]`;
  if (value instanceof Map) {
    return `{${[...value].map(([k, v]) => `${comparable(k)}:${comparable(v)}`).join(',')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
