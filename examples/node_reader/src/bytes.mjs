import { createHash } from 'node:crypto';

export const sha256 = (data) => new Uint8Array(createHash('sha256').update(data).digest());

export const hex = (data) => Buffer.from(data).toString('hex');

export const fromHex = (text) => new Uint8Array(Buffer.from(text, 'hex'));

export const concat = (...parts) => new Uint8Array(Buffer.concat(parts));

export const equal = (a, b) => Buffer.compare(a, b) === 0;

/** How byte strings are sorted: ascending, as unsigned bytes. */
export const compare = (a, b) => Buffer.compare(a, b);

const ALPHABET = /^[A-Za-z0-9_-]*$/;

/** The bytes of base64url without padding (RFC 4648, section 5); undefined if it is none. */
export function fromBase64url(text) {
  if (!ALPHABET.test(text) || text.length % 4 === 1) return undefined;
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

export const toBase64url = (data) => Buffer.from(data).toString('base64url');
