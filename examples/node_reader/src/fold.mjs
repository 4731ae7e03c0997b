// Section 7, rules 1 to 6: what stands of one field and qualifier, and why it is not recalled.

import { compare } from './bytes.mjs';
import { isInteger } from './cbor.mjs';
import { comparable, DOES_NOT_KNOW, INFERRED, STATED, VERIFIED, WAS_REFUSED } from './section.mjs';
import { normalised } from './vocabulary.mjs';

/** Of several reasons why sections cannot be read, the first here is given. */
const REASONS = ['not_yours', 'withheld', 'unreadable', 'unknown_author', 'newer_vocabulary'];

/** How a decoded value is compared; undefined where it is not of the field's type. */
function comparableOf(vocabulary, field, { hasValue, value }) {
  if (!hasValue) return 'nothing';
  if (!vocabulary.fits(field.type, value)) return undefined;
  const formatted = field.format !== undefined && typeof value === 'string';
  return `= ${comparable(formatted ? normalised(field.format, value) : value)}`;
}

/**
 * What stands of a field.
 *
 * @param field of the reader's vocabulary
 * @param qualifier null, or which of many values
 * @param contents of each statement that has any, in topological order:
 *   {statement, author, facts, marks} or {statement, author, unread}
 * @param sealed the same of the sections of the scope, where marks stand, for a clear field
 * @param reader {vocabulary, now, descends, exporter}
 */
export function foldField(field, qualifier, contents, sealed, reader) {
  const { now, descends } = reader;
  const found = contents
    .map((content) => readContent(field, qualifier, content, reader))
    .filter((entry) => entry !== undefined);
  const living = found.filter(({ statement }) => statement.expires > now);
  const claims = living.filter(({ fact }) => fact !== undefined);
  const unread = living.filter(({ fact }) => fact === undefined);
  const expired = found.some((entry) => entry.fact !== undefined && !living.includes(entry));

  const supersedes = (claim, other) => {
    if (!descends(claim.statement, other.statement)) return false;
    if (claim.known === INFERRED) return other.known === INFERRED;
    return (
      claim.author === other.author ||
      claim.known >= other.known ||
      field.authority.has(claim.author)
    );
  };
  const unsuperseded = claims.filter((claim) => !claims.some((other) => supersedes(other, claim)));
  const surer = unsuperseded.filter(({ known }) => known > INFERRED);
  const standing = (surer.length > 0 ? surer : unsuperseded).sort(
    (a, b) => b.known - a.known || b.at - a.at || compare(a.statement.id, b.statement.id),
  );
  const conflict = new Set(standing.map(({ value }) => value)).size > 1;
  const open = standing.map((claim) =>
    unread.filter((other) => claim.statement !== other.statement && !supersedes(claim, other)),
  );
  const settled = !conflict && open.some((questions) => questions.length === 0);
  const blocking = standing.length === 0 ? unread : open[0];
  return {
    standing,
    conflict,
    settled,
    expired,
    unread: settled
      ? undefined
      : REASONS.find((reason) => blocking.some((other) => other.reason === reason)),
    mark: lastMark(field, qualifier, sealed, now),
  };
}

/**
 * What one statement says of the field: a claim, with `fact`; or with a `reason` that it cannot
 * be read, and how surely known what is in it may be; or nothing, where it does not count.
 */
function readContent(field, qualifier, content, { vocabulary, exporter }) {
  const { statement, author } = content;
  const newer = statement.revision > vocabulary.revision;
  const mayWrite = author !== undefined && field.scope.mayWrite.has(author);
  if (author !== undefined && !newer && !mayWrite) return undefined;

  const notRead = (reason) => {
    const couldVerify =
      author === undefined ? field.mayVerify.size > 0 : field.mayVerify.has(author);
    let known = newer || couldVerify ? VERIFIED : STATED;
    if (field.inferredOnly && !newer) known = INFERRED;
    return { statement, author, known, reason };
  };
  if (content.unread !== undefined) return notRead(content.unread);
  if (!mayWrite) return notRead('newer_vocabulary');
  const fact = content.facts.find(
    (one) => one.field === field.number && one.qualifier === qualifier,
  );
  if (fact === undefined) return undefined;
  const value = comparableOf(vocabulary, field, fact);
  if (value === undefined) return notRead(newer ? 'newer_vocabulary' : 'unreadable');
  const speaker = author === exporter ? (fact.reportedBy ?? author) : author;
  const known = effectiveKnown(field, speaker, fact.known);
  return { statement, author, fact, known, at: statement.issued - fact.age, value };
}

function effectiveKnown(field, speaker, known) {
  if (field.inferredOnly) return INFERRED;
  return known === VERIFIED && !field.mayVerify.has(speaker) ? STATED : known;
}

function lastMark(field, qualifier, contents, now) {
  let last;
  for (const { statement, author, marks = [] } of contents) {
    if (statement.expires <= now || !field.scope.mayWrite.has(author)) continue;
    for (const mark of marks) {
      const at = statement.issued - mark.age;
      if (
        mark.field === field.number &&
        mark.qualifier === qualifier &&
        (mark.kind === WAS_REFUSED || mark.kind === DOES_NOT_KNOW) &&
        (last === undefined || at >= last.at)
      ) {
        last = { at, kind: mark.kind };
      }
    }
  }
  return last?.kind;
}

/** Consent for a purpose: the grant that counts, whether it was withdrawn, and what hides. */
export function foldConsent(field, purpose, contents, reader) {
  const { vocabulary, now, descends } = reader;
  const grants = [];
  const against = [];
  let withdrawn = false;
  let unread;
  for (const content of contents) {
    const { statement, author } = content;
    if (statement.expires <= now) continue;
    const fact = content.facts?.find(
      (one) => one.field === field.number && one.qualifier === purpose,
    );
    const cannot =
      content.unread ??
      (fact?.hasValue && !vocabulary.fits(field.type, fact.value) ? 'unreadable' : undefined);
    if (cannot !== undefined) {
      against.push(statement);
      unread ??= cannot;
    } else if (fact !== undefined && !(fact.hasValue && fact.value[0] === 0)) {
      against.push(statement);
      withdrawn = true;
    } else if (fact !== undefined && fact.known !== INFERRED && field.scope.mayWrite.has(author)) {
      const ends = [statement.issued - fact.age + field.maxAge];
      if (fact.value.length > 1 && fact.value[1] !== null) ends.push(secondsOf(fact.value[1]));
      if (now < Math.min(...ends)) grants.push(statement);
    }
  }
  const given = grants.some((grant) =>
    against.every((other) => other === grant || descends(grant, other)),
  );
  return { given, withdrawn, unread };
}

/** Whole seconds since 1970 of an instant. */
export function secondsOf({ tag, content }) {
  if (tag === 1) return content;
  return Math.floor(Date.parse(`${content.slice(0, 19)}Z`) / 1000);
}

export const isGrant = (fact) => isInteger(fact.value?.[0]) && fact.value[0] === 0;
