// Sections 1 to 3: from bytes or text to statements and a delivery, of which nothing is
// believed yet. The checks are rows 1 to 8 of section 6, in their order.

import { compare, equal, fromBase64url, sha256, toBase64url } from './bytes.mjs';
import { decode, encode, isInteger } from './cbor.mjs';
import { graphOf } from './graph.mjs';
import { refuse } from './refused.mjs';
import { parseClearFacts } from './section.mjs';

const MAX_ENVELOPE_BYTES = 262_144;
const MAX_TEXT_CHARS = 349_530;
const MAX_STATEMENTS = 256;
const MAX_PARENTS = 16;
const MAX_SCOPES = 16;
const MAX_HEADER_BYTES = 4096;
const MAX_SEALED_BYTES = 18_432;
const MAX_INSTANT = 253_402_300_799;
const MAX_AUDIENCE_CHARS = 64;
export const MAX_NUMBER = 65_535; // of scopes, fields and generations
const INT_63 = 2n ** 63n - 1n;

export const [ALGORITHM, KEY_ID, CLAIMS] = [1, 4, 15];
export const [AUDIENCE, EXPIRES, ISSUED, CWT_ID] = [3, 4, 6, 7];
export const PRIVATE = -65537;
export const SECTIONS = -65537;
export const FLAGS = { possession: 1, hint: 2, export: 4, accepted: 8, erasable: 16 };
export const isErasable = ({ flags }) => (flags & FLAGS.erasable) !== 0;
export const ARRIVALS = ['hint', 'possession', 'home', 'delivery'];

const PREFIX = 'cx1.';
const CHANNEL = /^[a-z0-9][a-z0-9._-]{0,31}$/;

const isBytes = (value, size) =>
  value instanceof Uint8Array && (size === undefined || value.length === size);
const isBetween = (value, low, high) => isInteger(value) && value >= low && value <= high;
const hasExactly = (map, labels) =>
  map instanceof Map && map.size === labels.length && labels.every((label) => map.has(label));
const ascending = (items) => items.every((item, i) => i === 0 || compare(items[i - 1], item) < 0);
export const characters = (text) => [...text].length;

// --- both forms ----------------------------------------------------------------------------

/** The bytes of an envelope in either form: text is a string. Rows 1 and 2. */
export function toBytes(form) {
  if (typeof form !== 'string') {
    if (form.length > MAX_ENVELOPE_BYTES) refuse('too_large');
    return form;
  }
  if (form.length > MAX_TEXT_CHARS) refuse('too_large');
  if (!form.startsWith(PREFIX)) refuse('malformed', 'prefix');
  const text = form.slice(PREFIX.length);
  if (text.includes('=')) refuse('not_canonical', 'padding');
  const data = fromBase64url(text);
  if (data === undefined) refuse('malformed', 'text form');
  if (toBase64url(data) !== text) refuse('not_canonical', 'unused bits');
  return data;
}

export const toText = (data) => PREFIX + toBase64url(data);

// --- the envelope --------------------------------------------------------------------------

/** What the envelope `data` says, with its statements in topological order. */
export function parseEnvelope(data) {
  const envelope = decode(data);
  if (!Array.isArray(envelope) || !isInteger(envelope[0])) refuse('malformed', 'envelope');
  if (envelope[0] !== 1) refuse('unsupported_version');
  const [, entries, last] = envelope;
  if (envelope.length !== 3 || !Array.isArray(entries) || entries.length === 0) {
    refuse('malformed', 'envelope');
  }
  if (entries.length > MAX_STATEMENTS) refuse('limit_exceeded', 'statements');
  const statements = entries.map(parseStatement);
  if (!ascending(statements.map((s) => s.id))) refuse('not_canonical', 'order of statements');
  const delivery = parseDelivery(last);
  const graph = graphOf(statements);
  if (isErasable(graph.order[0]) && statements.some(({ clear }) => clear.length > 0)) {
    refuse('malformed', 'a clear fact in an erasable journey');
  }
  return { statements: graph.order, descends: graph.descends, heads: graph.heads, delivery };
}

function parseSigned(entry) {
  if (!Array.isArray(entry) || entry.length !== 4) refuse('malformed', 'COSE_Sign1');
  const [header, unprotected, payload, signature] = entry;
  if (
    !isBytes(header) ||
    !(unprotected instanceof Map) ||
    payload !== null ||
    !isBytes(signature, 64)
  ) {
    refuse('malformed', 'COSE_Sign1');
  }
  return { header, unprotected, signature };
}

function parseHeader(header) {
  if (header.length > MAX_HEADER_BYTES) refuse('limit_exceeded', 'header');
  const labels = decode(header);
  if (!hasExactly(labels, [ALGORITHM, KEY_ID, CLAIMS])) refuse('malformed', 'header');
  const algorithm = labels.get(ALGORITHM);
  const keyId = labels.get(KEY_ID);
  if (!isInteger(algorithm) || !isBytes(keyId, 8)) refuse('malformed', 'header');
  return { algorithm, keyId, claims: labels.get(CLAIMS) };
}

function parseInstant(value) {
  if (!isBetween(value, 0, MAX_INSTANT)) refuse('malformed', 'instant');
  return value;
}

// --- a statement ---------------------------------------------------------------------------

export function parseStatement(entry) {
  const { header, unprotected, signature } = parseSigned(entry);
  if ([...unprotected.keys()].some((label) => label !== SECTIONS)) {
    refuse('malformed', 'unprotected header');
  }
  const sections = unprotected.has(SECTIONS) ? parseSections(unprotected.get(SECTIONS)) : new Map();
  const { algorithm, keyId, claims } = parseHeader(header);
  if (!hasExactly(claims, [EXPIRES, ISSUED, PRIVATE])) refuse('malformed', 'claims');
  const priv = claims.get(PRIVATE);
  if (!Array.isArray(priv) || priv.length !== 5) refuse('malformed', 'private claims');
  const [origin, channel, revision, clear, flags] = priv;
  const isRoot = !Array.isArray(origin);
  if (isRoot && !isBytes(origin, 16)) refuse('malformed', 'nonce');
  if (!isRoot) checkParents(origin);
  if (
    typeof channel !== 'string' ||
    !CHANNEL.test(channel) ||
    !isBetween(revision, 0, INT_63) ||
    !isBetween(flags, 0, isRoot ? 31 : 15)
  ) {
    refuse('malformed', 'private claims');
  }
  const issued = parseInstant(claims.get(ISSUED));
  const expires = parseInstant(claims.get(EXPIRES));
  const digests = new Map([...sections].map(([scope, section]) => [scope, section.digest]));
  const payload = encode(digests);
  return {
    id: sha256(encode([header, payload, signature])),
    header,
    payload,
    signature,
    algorithm,
    keyId,
    issued,
    expires,
    nonce: isRoot ? origin : undefined,
    parents: isRoot ? [] : origin,
    channel,
    revision,
    clear: parseClearFacts(clear),
    flags,
    sections,
    entry,
  };
}

function checkParents(parents) {
  if (parents.length > MAX_PARENTS) refuse('limit_exceeded', 'parents');
  if (parents.length === 0 || !parents.every((parent) => isBytes(parent, 32))) {
    refuse('malformed', 'parents');
  }
  if (!ascending(parents)) refuse('not_canonical', 'parents');
}

/** Per scope its digest, and generation and sealed bytes where it is not withheld. */
function parseSections(entries) {
  if (!(entries instanceof Map) || entries.size === 0) refuse('malformed', 'sections');
  if (entries.size > MAX_SCOPES) refuse('limit_exceeded', 'scopes');
  const sections = new Map();
  for (const [scope, entry] of entries) {
    if (!isBetween(scope, 1, MAX_NUMBER)) refuse('malformed', 'scope');
    if (isBytes(entry)) {
      sections.set(scope, { digest: sha256(entry), ...parseSection(entry) });
    } else if (Array.isArray(entry) && entry.length === 1 && isBytes(entry[0], 32)) {
      sections.set(scope, { digest: entry[0] });
    } else {
      refuse('malformed', 'section');
    }
  }
  return sections;
}

function parseSection(entry) {
  const section = decode(entry);
  if (
    !Array.isArray(section) ||
    section.length !== 2 ||
    !isBetween(section[0], 0, MAX_NUMBER) ||
    !isBytes(section[1])
  ) {
    refuse('malformed', 'section');
  }
  if (section[1].length > MAX_SEALED_BYTES) refuse('limit_exceeded', 'sealed bytes');
  return { generation: section[0], sealed: section[1] };
}

// --- the delivery --------------------------------------------------------------------------

function parseDelivery(entry) {
  const { header, unprotected, signature } = parseSigned(entry);
  if (unprotected.size > 0) refuse('malformed', 'unprotected header');
  const { algorithm, keyId, claims } = parseHeader(header);
  const labels = [AUDIENCE, ISSUED, CWT_ID, PRIVATE];
  if (!hasExactly(claims, labels) && !hasExactly(claims, [...labels, EXPIRES])) {
    refuse('malformed', 'claims');
  }
  const audience = claims.get(AUDIENCE);
  const id = claims.get(CWT_ID);
  if (
    typeof audience !== 'string' ||
    audience === '' ||
    characters(audience) > MAX_AUDIENCE_CHARS ||
    !isBytes(id, 8)
  ) {
    refuse('malformed', 'claims');
  }
  const priv = claims.get(PRIVATE);
  if (!Array.isArray(priv) || priv.length < 1 || priv.length > 3) refuse('malformed', 'private');
  if (priv.length > 1 && priv.at(-1) === null) refuse('not_canonical', 'trailing nil');
  const [arrival, replyTo = null, binding = null] = priv;
  if (
    !isBetween(arrival, 0, 3) ||
    !(replyTo === null || isBytes(replyTo, 8)) ||
    !(binding === null || isBytes(binding, 32))
  ) {
    refuse('malformed', 'private');
  }
  const issued = parseInstant(claims.get(ISSUED));
  const rests = !claims.has(EXPIRES);
  const expires = rests ? undefined : parseInstant(claims.get(EXPIRES));
  if (!rests && expires < issued) refuse('malformed', 'expires before it is issued');
  return {
    header,
    signature,
    algorithm,
    keyId,
    audience,
    id,
    arrival,
    replyTo,
    binding,
    issued,
    expires,
    rests,
  };
}

// --- derived values ------------------------------------------------------------------------

const signed = (header, payload, use, domain) =>
  encode(['Signature1', header, encode([use, domain]), payload]);

export const statementSigned = ({ header, payload }, domain) =>
  signed(header, payload, 'cxcontext/1/statement', domain);

export function deliverySigned(header, statements, domain) {
  const byId = [...statements].sort((a, b) => compare(a.id, b.id));
  const contents = byId.map(({ id, sections }) => {
    const present = [...sections].filter(([, section]) => section.sealed !== undefined);
    return [id, present.map(([scope]) => scope).sort((a, b) => a - b)];
  });
  return signed(header, sha256(encode(contents)), 'cxcontext/1/delivery', domain);
}

export const journeyId = (root, domain) =>
  sha256(encode(['cxcontext/1/journey', domain, root.keyId, root.nonce])).slice(0, 16);

export const sectionInfo = (header, domain, scope, generation) =>
  encode(['cxcontext/1/section', domain, sha256(header), scope, generation]);

export const sameBytes = (a, b) => (a === null || b === null ? a === b : equal(a, b));
