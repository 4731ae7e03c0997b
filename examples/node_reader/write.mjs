// node write.mjs begin KEYS BY TO FACTS: the text form of an envelope that begins a journey.
// node write.mjs append KEYS BY TO FACTS: the same with a statement upon the envelope, in
//   text form, that standard input holds and BY receives.
//
// KEYS is a file such as ../../vectors/keys/acme.json. FACTS is JSON, by scope and field:
// {"1": {"1": "Alex Doe"}, "2": {"10": "A-118"}}; values are text, numbers, booleans or null.
// With --secret, 32 bytes in hex, the journey is erasable.

import { readFileSync } from 'node:fs';
import { stdin } from 'node:process';
import { parseArgs } from 'node:util';
import { fromHex } from './src/bytes.mjs';
import { Float } from './src/cbor.mjs';
import { isErasable, parseEnvelope, toBytes, toText } from './src/envelope.mjs';
import { KeySet, PrivateKeys } from './src/keys.mjs';
import { verify } from './src/verify.mjs';
import { headsOf, Writer } from './src/writer.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    now: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
    channel: { type: 'string', default: 'chat' },
    revision: { type: 'string', default: '4' },
    secret: { type: 'string' },
  },
});
const [what, keysPath, by, to, factsText] = positionals;
if (factsText === undefined || !['begin', 'append'].includes(what)) {
  console.error('usage: node write.mjs begin|append KEYS BY TO FACTS [--now SECONDS]');
  process.exit(2);
}

const keys = JSON.parse(readFileSync(keysPath, 'utf-8'));
const keySet = new KeySet(keys.key_set);
const { domain } = keySet;
const now = Number(values.now);
const writer = new Writer({
  domain,
  keySet,
  privateKeys: new PrivateKeys(keys.private_keys[by]),
  revision: Number(values.revision),
  now,
  channel: values.channel,
  secret: values.secret === undefined ? undefined : fromHex(values.secret),
});

const numbered = (json, value) =>
  new Map(Object.entries(json).map(([number, entry]) => [Number(number), value(entry)]));
const fact = (value) =>
  typeof value === 'number' && !Number.isInteger(value) ? new Float(value) : value;
const facts = numbered(JSON.parse(factsText), (fields) => numbered(fields, fact));

let statements = [];
let heads = [];
if (what === 'append') {
  const received = verify(parseEnvelope(toBytes(readFileSync(stdin.fd, 'utf-8').trim())), {
    domain,
    keySet,
    expected: { open: 'receive', receiver: by, now, binding: null, replyTo: null, maxLifetime: 300 },
  });
  ({ statements } = received);
  if (isErasable(statements[0]) !== (values.secret !== undefined)) {
    console.error('an erasable journey needs its --secret, and no other journey has one');
    process.exit(2);
  }
  heads = headsOf(received);
}
const made = await writer.append(heads, facts);
console.log(toText(writer.envelope([...statements, ...made], to)));
