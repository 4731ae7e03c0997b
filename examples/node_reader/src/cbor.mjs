// Section 1: core deterministic CBOR. Decoding is lenient at first; then what was decoded
// is encoded again, and other bytes than those that came are refused as not canonical.
//
// Integers are numbers, or BigInts beyond 2**53; floats, tags and maps have types of their own.

import { encode as encodeCborg, rfc8949EncodeOptions, Token, Tokenizer, Type } from 'cborg';
import { equal } from './bytes.mjs';
import { refuse, Refused } from './refused.mjs';

export const MAX_NESTING = 16;
const MAX_ITEMS_OF_A_STRUCTURE = 16_384;
const MAX_ITEMS_OF_A_PLAINTEXT = 4096;
const MAX_MAP_ENTRIES = 64;
const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const EARLIEST = -62_135_596_800; // 0001-01-01T00:00:00Z
const LATEST = 253_402_300_799; // 9999-12-31T23:59:59Z
const DAY_S = 86_400;

export class Float {
  constructor(value) {
    this.value = value;
  }
}

/** A tag of section 4: 0 and 1 are an instant, 4 a decimal, 100 a day. */
export class Tagged {
  constructor(tag, content) {
    this.tag = tag;
    this.content = content;
  }
}

export const isInteger = (value) => typeof value === 'number' || typeof value === 'bigint';

// --- encoding ------------------------------------------------------------------------------

const asTokens = (value) => {
  if (value instanceof Float) return new Token(Type.float, value.value);
  if (value instanceof Tagged) return [new Token(Type.tag, value.tag), asTokens(value.content)];
  if (value instanceof Uint8Array) return new Token(Type.bytes, value);
  if (Array.isArray(value)) return [new Token(Type.array, value.length), ...value.map(asTokens)];
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => ({ key: encode(key), item, of: key }));
    entries.sort((a, b) => Buffer.compare(a.key, b.key));
    return [
      new Token(Type.map, entries.length),
      ...entries.flatMap(({ of, item }) => [asTokens(of), asTokens(item)]),
    ];
  }
  if (value === null) return new Token(Type.null, null);
  if (value === true) return new Token(Type.true, true);
  if (value === false) return new Token(Type.false, false);
  if (typeof value === 'string') return new Token(Type.string, value);
  if (isInteger(value)) return new Token(value < 0 ? Type.negint : Type.uint, value);
  throw new TypeError(`no encoding for ${typeof value}`);
};

class Tokens {
  constructor(value) {
    this.value = value;
  }
}
const OPTIONS = {
  ...rfc8949EncodeOptions,
  typeEncoders: { Object: (wrapped) => [asTokens(wrapped.value)].flat(Infinity) },
};

/** The deterministic encoding of what `decode` returns. */
export const encode = (value) => encodeCborg(new Tokens(value), OPTIONS);

// --- decoding ------------------------------------------------------------------------------

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Decoder {
  constructor(data, plaintext) {
    this.tokens = new Tokenizer(data, {
      allowIndefinite: false,
      allowUndefined: false,
      allowBigInt: true,
      retainStringBytes: true,
    });
    this.plaintext = plaintext;
    this.heads = 0;
    this.items = 0;
  }

  /** The next item; `depth` is that of what it stands in. */
  item(depth) {
    if (this.tokens.done()) refuse('malformed', 'cut off');
    const token = this.tokens.next();
    this.heads += 1;
    if (this.heads > MAX_ITEMS_OF_A_STRUCTURE) refuse('limit_exceeded', 'items');
    const { type, value } = token;
    if (type === Type.tag) return this.tagged(value, depth + 1);
    this.items += 1;
    switch (type) {
      case Type.uint:
      case Type.negint:
        if (this.plaintext && (BigInt(value) < INT_MIN || BigInt(value) > INT_MAX)) {
          refuse('malformed', 'more than 64 bits, signed');
        }
        return value;
      case Type.bytes:
        return value;
      case Type.string:
        return UTF_8.decode(token.byteValue ?? new Uint8Array(0));
      case Type.array:
        this.nest(depth + 1, value);
        return this.many(value, depth + 1);
      case Type.map:
        this.nest(depth + 1, value);
        return this.map(value, depth + 1);
      case Type.float:
        if (!this.plaintext || !Number.isFinite(value)) refuse('malformed', 'float');
        return new Float(value);
      case Type.null:
      case Type.true:
      case Type.false:
        return value;
      default:
        return refuse('malformed', type.name);
    }
  }

  nest(depth, length) {
    // In a structure an empty array or map is no level.
    const counts = this.plaintext || length > 0;
    if (depth > MAX_NESTING && counts) refuse('limit_exceeded', 'nesting');
  }

  many(length, depth) {
    const items = [];
    while (items.length < length) items.push(this.item(depth));
    return items;
  }

  map(length, depth) {
    if (this.plaintext && length > MAX_MAP_ENTRIES) refuse('limit_exceeded', 'map entries');
    const entries = new Map();
    for (let i = 0; i < length; i += 1) {
      const key = this.item(depth);
      if (!isInteger(key) && !(this.plaintext && typeof key === 'string')) {
        refuse('malformed', 'map key');
      }
      if (entries.has(key)) refuse('malformed', 'a key stands twice');
      entries.set(key, this.item(depth));
    }
    return entries;
  }

  tagged(tag, depth) {
    if (!this.plaintext || ![0, 1, 4, 100].includes(tag)) refuse('malformed', 'tag');
    if (depth > MAX_NESTING) refuse('limit_exceeded', 'nesting');
    const { items } = this;
    const content = this.item(depth);
    this.items = items + 1; // a tagged value is one item
    checkTagged(tag, content);
    return new Tagged(tag, content);
  }
}

function checkTagged(tag, content) {
  const within = (value, low, high) => typeof value === 'number' && value >= low && value <= high;
  const good = {
    0: () => instantOfText(content) !== undefined,
    1: () => within(content, EARLIEST, LATEST),
    4: () =>
      Array.isArray(content) &&
      content.length === 2 &&
      within(content[0], -64, 64) &&
      isInteger(content[1]),
    100: () => within(content, EARLIEST / DAY_S, (LATEST + 1) / DAY_S - 1),
  }[tag];
  if (!good()) refuse('malformed', `what tag ${tag} holds`);
}

const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/;

/** [seconds since 1970, microseconds]; undefined where the text is no instant of tag 0. */
export function instantOfText(text) {
  const [, whole, fraction] = (typeof text === 'string' && INSTANT.exec(text)) || [];
  if (whole === undefined || fraction === '000000' || whole.startsWith('0000')) return undefined;
  const milliseconds = Date.parse(`${whole}Z`);
  // Date.parse takes 24:00:00, and 30 February in some engines.
  if (Number.isNaN(milliseconds)) return undefined;
  if (new Date(milliseconds).toISOString() !== `${whole}.000Z`) return undefined;
  return [milliseconds / 1000, Number(fraction)];
}

/**
 * What `data` encodes.
 *
 * @param {Uint8Array} data
 * @param {{plaintext?: boolean}} options whether it is a section's plaintext, in which values
 *   may stand, and not a structure of section 2
 */
export function decode(data, { plaintext = false } = {}) {
  const decoder = new Decoder(data, plaintext);
  let value;
  try {
    value = decoder.item(0);
  } catch (problem) {
    if (problem instanceof Refused) throw problem;
    refuse('malformed', 'not CBOR');
  }
  if (plaintext && decoder.items > MAX_ITEMS_OF_A_PLAINTEXT) refuse('limit_exceeded', 'items');
  if (!equal(encode(value), data)) refuse('not_canonical');
  return value;
}
