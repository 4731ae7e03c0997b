// Row 8 of section 6: one root, all parents present, no circle, not too many heads.

import { compare, hex } from './bytes.mjs';
import { refuse } from './refused.mjs';

const MAX_HEADS = 32;

/**
 * Statements (anything with `id` and `parents`) in topological order: generation by
 * generation, each as soon as all its parents stand, and each generation by id.
 */
export function graphOf(statements) {
  const byId = new Map(statements.map((statement) => [hex(statement.id), statement]));
  const roots = statements.filter(({ parents }) => parents.length === 0);
  if (roots.length !== 1) refuse('not_one_root');
  const children = new Map([...byId.keys()].map((id) => [id, []]));
  for (const statement of statements) {
    for (const parent of statement.parents) {
      if (!byId.has(hex(parent))) refuse('missing_parent');
      children.get(hex(parent)).push(statement);
    }
  }
  const waiting = new Map(statements.map(({ id, parents }) => [hex(id), parents.length]));
  const ancestors = new Map();
  const order = [];
  let ready = roots;
  while (ready.length > 0) {
    const next = [];
    for (const statement of ready.sort((a, b) => compare(a.id, b.id))) {
      const parents = statement.parents.map(hex);
      ancestors.set(statement, new Set(parents.map((id) => byId.get(id))));
      for (const parent of parents) {
        for (const older of ancestors.get(byId.get(parent))) ancestors.get(statement).add(older);
      }
      order.push(statement);
      for (const child of children.get(hex(statement.id))) {
        const left = waiting.get(hex(child.id)) - 1;
        waiting.set(hex(child.id), left);
        if (left === 0) next.push(child);
      }
    }
    ready = next;
  }
  if (order.length !== statements.length) refuse('cyclic_graph');
  const heads = order.filter((statement) => children.get(hex(statement.id)).length === 0);
  if (heads.length > MAX_HEADS) refuse('limit_exceeded', 'heads');
  return { order, heads, descends: (later, earlier) => ancestors.get(later).has(earlier) };
}
