// Section 3: HPKE (RFC 9180) in base mode, single shot, without associated data.

import { Aes128Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';
import { x25519 } from '@noble/curves/ed25519.js';
import { sha3_256 } from '@noble/hashes/sha3.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { concat } from './bytes.mjs';

const X25519_BYTES = 32;
const MLKEM_SEED_BYTES = 64;
const MLKEM_PUBLIC_BYTES = 1184;
const MLKEM_CIPHERTEXT_BYTES = 1088;
const LABEL = new Uint8Array([0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c]);

const curve = new DhkemX25519HkdfSha256();

/**
 * MLKEM768-X25519, KEM 0x647a (X-Wing), whose private keys are here ML-KEM's seed and the
 * X25519 key. Keys are bytes; the package asks a KEM for no more than this.
 */
const hybrid = {
  id: 0x647a,
  secretSize: 32,
  encSize: MLKEM_CIPHERTEXT_BYTES + X25519_BYTES,
  publicKeySize: MLKEM_PUBLIC_BYTES + X25519_BYTES,
  privateKeySize: MLKEM_SEED_BYTES + X25519_BYTES,

  async encap({ recipientPublicKey }) {
    const lattice = ml_kem768.encapsulate(recipientPublicKey.slice(0, MLKEM_PUBLIC_BYTES));
    const point = recipientPublicKey.slice(MLKEM_PUBLIC_BYTES);
    const ephemeral = x25519.utils.randomSecretKey();
    const share = x25519.getPublicKey(ephemeral);
    const shared = x25519.getSharedSecret(ephemeral, point);
    return {
      sharedSecret: combine(lattice.sharedSecret, shared, share, point),
      enc: asBuffer(concat(lattice.cipherText, share)),
    };
  },

  async decap({ recipientKey, enc }) {
    const encapsulated = new Uint8Array(enc);
    if (encapsulated.length !== this.encSize) throw new Error('length of the encapsulated key');
    const { secretKey } = ml_kem768.keygen(recipientKey.slice(0, MLKEM_SEED_BYTES));
    const scalar = recipientKey.slice(MLKEM_SEED_BYTES);
    const share = encapsulated.slice(MLKEM_CIPHERTEXT_BYTES);
    const lattice = ml_kem768.decapsulate(
      encapsulated.slice(0, MLKEM_CIPHERTEXT_BYTES),
      secretKey,
    );
    const shared = x25519.getSharedSecret(scalar, share);
    return combine(lattice, shared, share, x25519.getPublicKey(scalar));
  },
};

const combine = (lattice, shared, share, point) =>
  asBuffer(sha3_256(concat(lattice, shared, share, point, LABEL)));

const asBuffer = (data) => data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);

const suiteOf = (kem) =>
  new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes128Gcm() });

/** What was sealed to the key and tied to `info`; undefined where it does not open. */
export async function openSealed({ hybrid: isHybrid, secret }, sealed, info) {
  const kem = isHybrid ? hybrid : curve;
  try {
    const recipientKey = isHybrid ? secret : await curve.deserializePrivateKey(asBuffer(secret));
    const enc = asBuffer(sealed.slice(0, kem.encSize));
    const ciphertext = asBuffer(sealed.slice(kem.encSize));
    const opened = await suiteOf(kem).open({ recipientKey, enc, info: asBuffer(info) }, ciphertext);
    return new Uint8Array(opened);
  } catch {
    return undefined;
  }
}

/** `plaintext` sealed to the key and tied to `info`: what was encapsulated, then ciphertext. */
export async function sealTo({ hybrid: isHybrid, publicKey }, plaintext, info) {
  const kem = isHybrid ? hybrid : curve;
  const recipientPublicKey = isHybrid
    ? publicKey
    : await curve.deserializePublicKey(asBuffer(publicKey));
  const { enc, ct } = await suiteOf(kem).seal(
    { recipientPublicKey, info: asBuffer(info) },
    asBuffer(plaintext),
  );
  return concat(new Uint8Array(enc), new Uint8Array(ct));
}
