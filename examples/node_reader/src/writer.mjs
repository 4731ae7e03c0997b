// Sections 2 to 5 from the other side: statements, a delivery, and the envelope of both.

import { randomBytes } from 'node:crypto';
import { compare, sha256 } from './bytes.mjs';
import { encode } from './cbor.mjs';
import {
  ALGORITHM,
  ARRIVALS,
  AUDIENCE,
  CLAIMS,
  CWT_ID,
  deliverySigned,
  EXPIRES,
  FLAGS,
  ISSUED,
  KEY_ID,
  parseStatement,
  PRIVATE,
  sectionInfo,
  SECTIONS,
  statementSigned,
} from './envelope.mjs';
import { sealSection, sign } from './keys.mjs';
import { lock } from './locks.mjs';
import { pad } from './section.mjs';

const DELIVERY_LIFETIME_S = 300;
const MAX_PARENTS = 16;

/** A department that makes envelopes. */
export class Writer {
  constructor({ domain, keySet, privateKeys, revision, now, channel, secret }) {
    Object.assign(this, { domain, keySet, revision, now, channel, secret });
    this.signer = privateKeys.signers
      .filter(({ keyId }) => this.signsNow(keySet.signingKey(keyId)))
      .reduce((a, b) => (this.began(b) > this.began(a) ? b : a));
  }

  signsNow(key) {
    return key !== undefined && !key.revoked && key.notBefore <= this.now && this.now <= key.signUntil;
  }

  began({ keyId }) {
    return this.keySet.signingKey(keyId).notBefore;
  }

  header(claims) {
    return encode(
      new Map([
        [ALGORITHM, this.signer.algorithm],
        [KEY_ID, this.signer.keyId],
        [CLAIMS, new Map(claims)],
      ]),
    );
  }

  /**
   * A statement upon `parents`; a root without any.
   *
   * @param facts Map: per scope a Map of facts by field
   */
  async statement(parents, facts) {
    // Nothing is dated before what it builds upon, and nothing outlives what supersedes it.
    const issued = Math.max(this.now, ...parents.map((parent) => parent.issued));
    const expires = Math.max(
      issued + this.keySet.lifetime,
      ...parents.map((parent) => parent.expires),
    );
    const ids = parents.map(({ id }) => id).sort(compare);
    const origin = ids.length > 0 ? ids : new Uint8Array(randomBytes(16));
    // With a secret the journey is erasable, which its root says.
    const flags = ids.length === 0 && this.secret !== undefined ? FLAGS.erasable : 0;
    const header = this.header([
      [EXPIRES, expires],
      [ISSUED, issued],
      [PRIVATE, [origin, this.channel, this.revision, new Map(), flags]],
    ]);
    const sections = new Map();
    for (const [scope, fields] of facts) sections.set(scope, await this.seal(scope, fields, header));
    const payload = encode(new Map([...sections].map(([scope, raw]) => [scope, sha256(raw)])));
    const signature = sign(this.signer, statementSigned({ header, payload }, this.domain));
    const unprotected = new Map(sections.size > 0 ? [[SECTIONS, sections]] : []);
    return parseStatement([header, unprotected, null, signature]);
  }

  async seal(scope, fields, header) {
    const key = this.keySet.newest(scope);
    if (this.now >= key.seal_until) throw new Error(`nobody seals to scope ${scope} any more`);
    const info = sectionInfo(header, this.domain, scope, key.generation);
    const padded = pad(encode(fields));
    const plaintext = this.secret === undefined ? padded : lock(padded, this.secret, info);
    const sealed = await sealSection(key, plaintext, info);
    return encode([key.generation, sealed]);
  }

  /** What was learned, on top of all that is there. */
  async append(heads, facts) {
    const made = [];
    let parents = heads;
    while (parents.length > MAX_PARENTS) {
      made.push(await this.statement(parents.slice(0, MAX_PARENTS), new Map()));
      parents = [...parents.slice(MAX_PARENTS), made.at(-1)];
    }
    made.push(await this.statement(parents, facts));
    return made;
  }

  /** The bytes of an envelope of these statements, for one department. */
  envelope(statements, audience) {
    const header = this.header([
      [AUDIENCE, audience],
      [EXPIRES, this.now + DELIVERY_LIFETIME_S],
      [ISSUED, this.now],
      [CWT_ID, new Uint8Array(randomBytes(8))],
      [PRIVATE, [ARRIVALS.indexOf('delivery')]],
    ]);
    const signature = sign(this.signer, deliverySigned(header, statements, this.domain));
    const byId = [...statements].sort((a, b) => compare(a.id, b.id));
    const delivery = [header, new Map(), null, signature];
    return encode([1, byId.map(({ entry }) => entry), delivery]);
  }
}

/** What the next statement builds upon: the last words of authors who are known. */
export function headsOf({ statements, authors, descends }) {
  const known = statements.filter((statement) => authors.has(statement));
  return known.filter((one) => !known.some((other) => descends(other, one)));
}
