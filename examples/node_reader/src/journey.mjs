// All together: from an envelope's bytes or text to what one department reads in it.

import { hex } from './bytes.mjs';
import {
  ARRIVALS,
  FLAGS,
  isErasable,
  journeyId,
  parseEnvelope,
  sectionInfo,
  toBytes,
} from './envelope.mjs';
import { foldConsent, foldField, isGrant } from './fold.mjs';
import { openSection } from './keys.mjs';
import { unlock } from './locks.mjs';
import { foldPromises } from './promises.mjs';
import { Refused, refuse } from './refused.mjs';
import { DOES_NOT_KNOW, parseContent, VERIFIED, WAS_REFUSED } from './section.mjs';
import { verify } from './verify.mjs';
import { CONSENT, IDENTITY, PROMISE } from './vocabulary.mjs';

const HOME = ARRIVALS.indexOf('home');
const POSSESSION = ARRIVALS.indexOf('possession');

/** A department that opens envelopes. `secret` is that of the erasable one, if there is one. */
export class Department {
  constructor(name, { domain, keySet, privateKeys, vocabulary, purpose = null, secret }) {
    Object.assign(this, { name, domain, keySet, privateKeys, vocabulary, purpose, secret });
    this.seen = new Set();
  }

  /**
   * The journey that an envelope is, verified.
   *
   * @param form Uint8Array, or text
   * @param expected as for `verify`, and {arrival, once}
   */
  open(form, expected) {
    const envelope = parseEnvelope(toBytes(form));
    const verified = verify(envelope, {
      domain: this.domain,
      keySet: this.keySet,
      expected: { ...expected, receiver: this.name },
    });
    const { keyId, id, rests } = verified.delivery;
    const delivery = `${hex(keyId)} ${hex(id)}`;
    if (!rests && this.seen.has(delivery) && expected.once) refuse('replayed');
    if (!rests) this.seen.add(delivery);
    return new Journey(this, verified, expected);
  }
}

export class Journey {
  constructor(department, verified, { now, arrival }) {
    const { statements, authors, delivery } = verified;
    Object.assign(this, { department, now, statements, authors, delivery });
    const [root] = statements;
    const { keySet, name, vocabulary, domain } = department;
    this.id = hex(journeyId(root, domain));
    this.isErasable = isErasable(root);
    this.sender = verified.sender;
    this.leftOut = verified.leftOut;
    this.arrival = Math.min(arrival, delivery.arrival);
    this.contents = new Map();
    // An export's words count as those of others for the partner, and for who exported it.
    const believed = authors.get(root) === name || keySet.isExternal(name);
    this.reader = {
      vocabulary,
      now,
      descends: verified.descends,
      exporter: (root.flags & FLAGS.export) !== 0 && believed ? authors.get(root) : undefined,
    };
  }

  mayRead(scope) {
    return scope.readers.has(this.department.name);
  }

  // --- opening -----------------------------------------------------------------------------

  /** Open every section of a scope, once. Says with which codes some could not be read. */
  async openScope(scope) {
    const problems = [];
    const contents = [];
    for (const statement of this.statements) {
      const section = statement.sections.get(scope.number);
      if (section === undefined) continue;
      const author = this.authors.get(statement);
      const content = await this.openSection(statement, author, scope, section, problems);
      contents.push({ statement, author, ...content });
    }
    this.contents.set(scope, contents);
    return problems;
  }

  async openSection({ header }, author, scope, { generation, sealed }, problems) {
    if (author === undefined) return { unread: 'unknown_author' };
    const mayRead = this.mayRead(scope);
    if (sealed === undefined) return { unread: mayRead ? 'withheld' : 'not_yours' };
    const { privateKeys, domain, secret } = this.department;
    const key = privateKeys.openingKey(scope.number, generation, this.now);
    if (key === undefined) return { unread: mayRead ? 'unreadable' : 'not_yours' };
    if (this.isErasable && secret === undefined) return { unread: 'unreadable' };
    const info = sectionInfo(header, domain, scope.number, generation);
    const opened = await openSection(key, sealed, info);
    const padded =
      this.isErasable && opened !== undefined ? unlock(opened, secret, info) : opened;
    if (padded === undefined) {
      problems.push('section_unopenable');
      return { unread: 'unreadable' };
    }
    try {
      return parseContent(padded);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      problems.push(problem.code);
      return { unread: 'unreadable' };
    }
  }

  async openAll() {
    for (const scope of this.department.vocabulary.scopes) await this.openScope(scope);
  }

  /** Whether a field stands in the claims here: in an erasable journey none does. */
  inTheClear(field) {
    return field.clear && !this.isErasable;
  }

  contentsOf(field) {
    if (!this.inTheClear(field)) return this.contents.get(field.scope);
    return this.statements.flatMap((statement) => {
      const facts = statement.clear.filter((fact) => fact.field === field.number);
      if (facts.length === 0) return [];
      const author = this.authors.get(statement);
      return [
        author === undefined
          ? { statement, author, unread: 'unknown_author' }
          : { statement, author, facts, marks: [] },
      ];
    });
  }

  // --- reading -----------------------------------------------------------------------------

  /** The fields that this department may read. */
  readable() {
    return this.department.vocabulary.fields.filter(
      (field) => this.inTheClear(field) || this.mayRead(field.scope),
    );
  }

  qualifiers(field) {
    if (!field.many) return [null];
    const facts = this.contentsOf(field).flatMap((content) => content.facts ?? []);
    const found = facts.filter((fact) => fact.field === field.number);
    return [...new Set(found.map(({ qualifier }) => qualifier))];
  }

  read(field, qualifier) {
    const sealed = this.contents.get(field.scope);
    const reading = foldField(field, qualifier, this.contentsOf(field), sealed, this.reader);
    return { ...reading, gap: this.gapOf(field, qualifier, reading) };
  }

  /** Why what stands is not recalled; undefined where it is. Section 7, "Why not". */
  gapOf(field, qualifier, reading) {
    return (
      this.notPermitted(field) ??
      this.notUsable(field, reading) ??
      this.notGranted(field, qualifier, reading)
    );
  }

  notPermitted(field) {
    const identified =
      this.arrival >= HOME ||
      (this.arrival === POSSESSION && field.scope.onPossession && field.number !== IDENTITY);
    if (!identified) return 'not_identified';
    const { purpose } = this.department;
    if (field.purposes.length === 0) return undefined;
    if (!field.purposes.includes(purpose)) return 'wrong_purpose';
    const consented = !field.consentFor.includes(purpose) || this.consent(purpose).given;
    return consented ? undefined : 'no_consent';
  }

  notUsable(field, { conflict, unread, standing, expired, mark }) {
    if (conflict) return 'conflict';
    if (unread !== undefined) return unread;
    const [shown] = standing;
    if (shown === undefined || !shown.fact.hasValue) {
      if (expired && shown === undefined) return 'expired';
      if (mark === WAS_REFUSED) return 'refused';
      return mark === DOES_NOT_KNOW ? 'customer_does_not_know' : 'never_stated';
    }
    if (this.now - shown.at > (field.maxAge ?? Infinity)) return 'stale';
    return field.number === IDENTITY && shown.known < VERIFIED ? 'not_verified' : undefined;
  }

  notGranted(field, qualifier, { standing }) {
    if (field.number !== CONSENT || qualifier === null || !isGrant(standing[0].fact)) {
      return undefined;
    }
    const { given, withdrawn, unread } = this.consent(qualifier);
    if (given) return undefined;
    return withdrawn ? 'no_consent' : (unread ?? 'expired');
  }

  consent(purpose) {
    const field = this.department.vocabulary.standard(CONSENT);
    if (field === undefined) return { given: false, withdrawn: false };
    return foldConsent(field, purpose, this.contentsOf(field), this.reader);
  }

  hasConsent(purpose) {
    return this.arrival >= HOME && this.consent(purpose).given;
  }

  promises() {
    const field = this.department.vocabulary.standard(PROMISE);
    if (field === undefined) return [];
    const mayShow =
      this.arrival >= HOME || (this.arrival === POSSESSION && field.scope.onPossession);
    return mayShow ? foldPromises(field, this.contentsOf(field), this.reader) : [];
  }
}
