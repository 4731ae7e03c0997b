// Section 5: the key set, a department's private keys, signatures and what makes one count.

import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { concat, equal, fromBase64url, hex, sha256 } from './bytes.mjs';
import { refuse } from './refused.mjs';
import { openSealed, sealTo } from './hpke.mjs';

export const ED25519 = -19;
export const ESP256 = -9;
const KEY_ID_BYTES = 8;
const DEFAULT_LIFETIME_S = 7_776_000;

/** The first 8 bytes of the SHA-256 thumbprint of a public signing JWK (RFC 7638). */
function keyIdOf({ kty, crv, x, y }) {
  const members = kty === 'OKP' ? { crv, kty, x } : { crv, kty, x, y };
  return sha256(JSON.stringify(members)).slice(0, KEY_ID_BYTES);
}

function signingKey(jwk, department, external) {
  const keyId = keyIdOf(jwk);
  if (!equal(keyId, fromBase64url(jwk.kid))) throw new Error(`kid of a key of ${department}`);
  const x = fromBase64url(jwk.x);
  const isEdwards = jwk.kty === 'OKP';
  return {
    department,
    external,
    keyId,
    algorithm: isEdwards ? ED25519 : ESP256,
    publicKey: isEdwards ? x : concat(Uint8Array.of(4), x, fromBase64url(jwk.y)),
    notBefore: jwk.not_before,
    signUntil: jwk.sign_until,
    verifyUntil: jwk.verify_until,
    revoked: jwk.revoked !== undefined,
  };
}

/** Whether `signature` is the key's over `data`. */
export function verifies({ algorithm, publicKey }, signature, data) {
  try {
    return algorithm === ED25519
      ? ed25519.verify(signature, data, publicKey, { zip215: false })
      : p256.verify(signature, data, publicKey, { prehash: true, lowS: true });
  } catch {
    return false; // not even a signature's form
  }
}

/** The public keys of a domain, from its JSON. */
export class KeySet {
  constructor(json) {
    this.domain = json.domain;
    this.lifetime = json.statement_lifetime_seconds ?? DEFAULT_LIFETIME_S;
    this.departments = new Map();
    this.signingKeys = new Map();
    for (const [name, { external, keys }] of Object.entries(json.departments)) {
      this.departments.set(name, { external });
      for (const jwk of keys) {
        const key = signingKey(jwk, name, external);
        this.signingKeys.set(hex(key.keyId), key);
      }
    }
    this.scopes = json.scopes;
  }

  signingKey(keyId) {
    return this.signingKeys.get(hex(keyId));
  }

  isExternal(department) {
    return this.departments.get(department)?.external === true;
  }

  /** The newest generation of a scope: writers seal to no other. */
  newest(scope) {
    const generations = this.scopes.filter((key) => key.scope === scope);
    return generations.reduce((a, b) => (b.generation > a.generation ? b : a));
  }
}

/** Section 5: what key K says of a signature dated `issued`, read at `now`. */
export function checkKey(key, { algorithm, issued }, now) {
  if (algorithm !== key.algorithm) refuse('wrong_algorithm');
  if (key.revoked) refuse('key_revoked');
  if (issued < key.notBefore) refuse('key_not_yet_valid');
  if (issued > key.signUntil || now >= key.verifyUntil) refuse('key_retired');
}

/** One department's private keys, from its JSON. */
export class PrivateKeys {
  constructor(json) {
    this.department = json.department;
    this.signers = json.keys.map((jwk) => ({
      keyId: keyIdOf(jwk),
      algorithm: jwk.kty === 'OKP' ? ED25519 : ESP256,
      secret: fromBase64url(jwk.d),
    }));
    this.scopes = json.scopes;
  }

  /** The key of one generation of one scope, if it may be used at `now`. */
  openingKey(scope, generation, now) {
    const found = this.scopes.find((k) => k.scope === scope && k.generation === generation);
    return found !== undefined && now < found.open_until ? found : undefined;
  }
}

export function sign({ algorithm, secret }, data) {
  return algorithm === ED25519
    ? ed25519.sign(data, secret)
    : p256.sign(data, secret, { prehash: true, lowS: true });
}

export const openSection = (jwk, sealed, info) => openSealed(scopeKey(jwk), sealed, info);

export const sealSection = (jwk, plaintext, info) => sealTo(scopeKey(jwk), plaintext, info);

function scopeKey(jwk) {
  const hybrid = jwk.kty === 'AKP';
  return {
    hybrid,
    publicKey: fromBase64url(hybrid ? jwk.pub : jwk.x),
    secret: fromBase64url((hybrid ? jwk.priv : jwk.d) ?? ''),
  };
}
