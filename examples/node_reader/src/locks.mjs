// Section 3: the lock of an erasable journey's sections, within their seal.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { concat } from './bytes.mjs';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const keyOf = (secret, info) =>
  new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), info, KEY_BYTES));

/** `padded`, readable with the journey's secret only. */
export function lock(padded, secret, info) {
  const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  const cipher = createCipheriv(CIPHER, keyOf(secret, info), nonce);
  return concat(nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag());
}

/** What was locked with the secret and tied to `info`; undefined where it is not. */
export function unlock(locked, secret, info) {
  if (locked.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = locked.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, keyOf(secret, info), nonce);
  decipher.setAuthTag(locked.subarray(-TAG_BYTES));
  try {
    return concat(decipher.update(locked.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final());
  } catch {
    return undefined;
  }
}
