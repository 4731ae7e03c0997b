// Section 6, rows 9 to 20: whose the delivery and the statements are, and what is left out.

import { sha256 } from './bytes.mjs';
import { deliverySigned, FLAGS, sameBytes, statementSigned } from './envelope.mjs';
import { checkKey, verifies } from './keys.mjs';
import { Refused, refuse } from './refused.mjs';

const LEEWAY_S = 60;
const TO_ALL = '*';

/**
 * What of the envelope is genuine.
 *
 * @param envelope as `parseEnvelope` returns it
 * @param expected {receiver, open: 'receive' | 'resume' | 'answer', now, binding, replyTo,
 *   maxLifetime}
 */
export function verify(envelope, { domain, keySet, expected }) {
  const sender = checkDelivery(envelope, { domain, keySet, expected });
  const { authors, failed, notNow } = checkStatements(envelope, { domain, keySet, expected });
  const kept = withoutFailed(envelope, authors, failed);
  const heads = kept.filter((one) => !kept.some((other) => envelope.descends(other, one)));
  if (heads.every(({ expires }) => expires <= expected.now)) refuse('journey_expired');
  const leftOut = envelope.statements
    .filter((statement) => failed.has(statement) || notNow.has(statement))
    .map((statement) => ({
      keyId: statement.keyId,
      code: (failed.get(statement) ?? notNow.get(statement)).code,
    }));
  return { ...envelope, statements: kept, authors, sender, leftOut };
}

// --- rows 9 to 18: the delivery ------------------------------------------------------------

function checkDelivery({ delivery, statements }, { domain, keySet, expected }) {
  const { now, receiver } = expected;
  const key = keySet.signingKey(delivery.keyId);
  if (key === undefined) refuse('unknown_key');
  checkKey(key, delivery, now);
  if (delivery.issued > now + LEEWAY_S) refuse('issued_in_future');
  if (!delivery.rests && delivery.expires + LEEWAY_S <= now) refuse('delivery_expired');
  const resumed = expected.open === 'resume';
  if (delivery.rests !== resumed) refuse('wrong_delivery_kind');
  if (delivery.audience !== receiver && !(resumed && delivery.audience === TO_ALL)) {
    refuse('wrong_audience');
  }
  if (!delivery.rests && delivery.expires - delivery.issued > expected.maxLifetime) {
    refuse('delivery_too_long');
  }
  const binding = expected.binding === null ? null : sha256(expected.binding);
  if (!sameBytes(delivery.binding, binding)) refuse('wrong_binding');
  if (!sameBytes(delivery.replyTo, expected.replyTo)) refuse('wrong_reply');
  if (!maySend(key, statements[0], expected)) refuse('external_author');
  if (!verifies(key, delivery.signature, deliverySigned(delivery.header, statements, domain))) {
    refuse('bad_delivery_signature');
  }
  return key.department;
}

function maySend(key, root, { open, receiver }) {
  if (open === 'answer') return key.external;
  return !key.external || (key.department === receiver && isExport(root));
}

const isExport = ({ flags }) => (flags & FLAGS.export) !== 0;

// --- row 19: the statements ----------------------------------------------------------------

/** Whether partners' statements may stand in this journey at all. */
function partnersMaySpeak(root, { keySet, expected }) {
  const key = keySet.signingKey(root.keyId);
  return (
    isExport(root) &&
    key !== undefined &&
    !key.external &&
    (expected.open === 'answer' || keySet.isExternal(expected.receiver))
  );
}

function checkStatements({ statements }, { domain, keySet, expected }) {
  const { now } = expected;
  const partners = partnersMaySpeak(statements[0], { keySet, expected });
  const byId = new Map(statements.map((statement) => [String(statement.id), statement]));
  const authors = new Map();
  const failed = new Map();
  const notNow = new Map();
  for (const statement of statements) {
    const key = keySet.signingKey(statement.keyId);
    const parents = statement.parents.map((id) => byId.get(String(id)));
    try {
      const late = checkStatement(statement, parents, { key, keySet, domain, partners, now });
      if (late) notNow.set(statement, new Refused(late));
      else if (key !== undefined) authors.set(statement, key.department);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      failed.set(statement, problem);
    }
  }
  return { authors, failed, notNow };
}

/** Refuses; or says why only this reader's clock forbids the statement, if it does. */
function checkStatement(statement, parents, { key, keySet, domain, partners, now }) {
  const { issued, expires } = statement;
  if (key !== undefined) {
    // First as at an instant when the key still verifies.
    checkKey(key, statement, Math.min(now, key.verifyUntil - 1));
    if (key.external && !partners) refuse('external_author');
  }
  const latest = (of) => Math.max(0, ...parents.map(of));
  const parentsExpire = latest((parent) => parent.expires);
  if (
    issued < latest((parent) => parent.issued) ||
    expires < issued ||
    expires < parentsExpire ||
    expires > Math.max(issued + keySet.lifetime, parentsExpire)
  ) {
    refuse('statement_times');
  }
  if (key !== undefined && !verifies(key, statement.signature, statementSigned(statement, domain))) {
    refuse('forged_statement');
  }
  if (issued > now + LEEWAY_S) return 'issued_in_future';
  return key !== undefined && now >= key.verifyUntil && expires > now ? 'key_retired' : undefined;
}

/** The statements that stay when what failed, and what builds upon it, is left out. */
function withoutFailed({ statements, descends }, authors, failed) {
  const kept = [];
  for (const statement of statements) {
    const below = [...failed.keys()].filter((other) => descends(statement, other));
    if (failed.has(statement)) continue;
    if (below.length === 0) kept.push(statement);
    // Somebody genuine builds upon it, so it cannot be cut out.
    else if (authors.has(statement)) throw failed.get(below[0]);
  }
  if (kept.length === 0) throw [...failed.values()][0];
  return kept;
}
