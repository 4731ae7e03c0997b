// The vocabulary file: scopes, fields, and of which types values are (section 7).

import { Float, isInteger, Tagged } from './cbor.mjs';

const optional = (type) => ({ optional: type });
const record = (...attributes) => ({ positional: attributes });
const required = (type) => ({ type });
const defaulted = (type) => ({ type, default: true });
const code = { text: 64 };
const wording = { text: 2000 };
const oneOf = (...values) => ({ literal: values });

/** Section 8: the standard fields' types and options. */
const STANDARD = {
  preferred_language: { number: -1, type: 'text', format: 'bcp47' },
  contact_preference: {
    number: -2,
    type: record(defaulted(optional(code)), defaulted({ list: 'text' })),
  },
  reason_for_contact: {
    number: -3,
    type: record(required(code), defaulted(optional(wording))),
  },
  entitlement: {
    number: -4,
    type: record(required(code), defaulted(optional('datetime'))),
  },
  accessibility: { number: -5, type: 'text', many: true },
  identity_verification: {
    number: -6,
    type: record(
      required({ some: 'text' }),
      defaulted(optional(oneOf(1, 2, 3))),
      defaulted(optional(oneOf(1, 2, 3))),
      defaulted(optional(code)),
      defaulted(optional({ digest: 32 })),
    ),
  },
  promise: {
    number: -7,
    many: true,
    type: record(
      required(oneOf(0, 1, 2, 3, 4, 5, 6, 7)),
      defaulted(optional(code)),
      defaulted(optional(wording)),
      defaulted(optional('text')),
      defaulted(optional('datetime')),
      defaulted(optional('datetime')),
    ),
  },
  consent: {
    number: -8,
    many: true,
    type: record(required(oneOf(0, 1, 2)), defaulted(optional('datetime')), defaulted(code)),
  },
  told: {
    number: -9,
    many: true,
    type: record(
      required(oneOf('price', 'offer', 'policy')),
      required(wording),
      defaulted(optional('decimal')),
      defaulted(optional('text')),
      defaulted(optional('datetime')),
    ),
  },
  sentiment: {
    number: -10,
    inferred_only: true,
    type: oneOf('calm', 'confused', 'frustrated', 'angry', 'distressed'),
  },
};

export const PROMISE = -7;
export const CONSENT = -8;
export const IDENTITY = -6;

export class Vocabulary {
  constructor(json) {
    this.revision = json.revision;
    this.records = json.records ?? {};
    this.enumerations = json.enumerations ?? {};
    this.scopes = Object.values(json.scopes)
      .map((scope) => ({
        number: scope.number,
        readers: new Set(scope.readers),
        mayWrite: new Set([...scope.writers, ...(scope.former_writers ?? [])]),
        onPossession: scope.on_possession === true,
      }))
      .sort((a, b) => a.number - b.number);
    this.fields = Object.entries(json.fields)
      .map(([name, field]) => this.field(name, field, json.scopes))
      .sort((a, b) => a.number - b.number);
  }

  field(name, json, scopes) {
    const options = { ...STANDARD[json.standard], ...json };
    const { verifiers = [], former_verifiers: former = [] } = options;
    return {
      name,
      number: options.number,
      type: options.type,
      scope: this.scope(scopes[options.scope].number),
      many: options.many === true,
      clear: options.clear === true,
      inferredOnly: options.inferred_only === true,
      format: options.format,
      maxAge: options.max_age_seconds,
      purposes: options.purposes ?? [],
      consentFor: options.consent_for ?? [],
      mayVerify: new Set([...verifiers, ...former]),
      authority: new Set(options.authority ?? []),
    };
  }

  scope(number) {
    return this.scopes.find((scope) => scope.number === number);
  }

  standard(number) {
    return this.fields.find((field) => field.number === number);
  }

  /** Whether a decoded value is of a type. */
  fits(type, value) {
    if (typeof type === 'string') return SCALARS[type](value);
    const [kind] = Object.keys(type);
    return this[kind](type[kind], value);
  }

  optional(type, value) {
    return value === null || this.fits(type, value);
  }

  union(types, value) {
    const records = types.filter((type) => type.record !== undefined);
    if (records.length > 1) {
      if (value instanceof Map && value.has('_type')) {
        const named = records.find((type) => type.record === value.get('_type'));
        return named !== undefined && this.fits(named, value);
      }
      return types.some((type) => type.record === undefined && this.fits(type, value));
    }
    return types.some((type) => this.fits(type, value));
  }

  list(type, value) {
    return Array.isArray(value) && value.every((item) => this.fits(type, item));
  }

  sequence(type, value) {
    return this.list(type, value);
  }

  some(type, value) {
    return this.list(type, value) && value.length > 0;
  }

  tuple(types, value) {
    return (
      Array.isArray(value) &&
      value.length === types.length &&
      types.every((type, i) => this.fits(type, value[i]))
    );
  }

  map(type, value) {
    return (
      value instanceof Map &&
      [...value].every(([key, item]) => typeof key === 'string' && this.fits(type, item))
    );
  }

  literal(values, value) {
    return values.includes(value);
  }

  enumeration(name, value) {
    return Object.values(this.enumerations[name].members).includes(value);
  }

  record(name, value) {
    const { attributes, positional } = this.records[name];
    if (positional) return this.positional(attributes, value);
    return (
      value instanceof Map &&
      attributes.every((attribute) =>
        value.has(attribute.name)
          ? this.fits(attribute.type, value.get(attribute.name))
          : 'default' in attribute,
      )
    );
  }

  /** An array of attributes, trailing ones with a default left out; what is behind is ignored. */
  positional(attributes, value) {
    return (
      Array.isArray(value) &&
      attributes.every((attribute, i) =>
        i < value.length ? this.fits(attribute.type, value[i]) : 'default' in attribute,
      )
    );
  }

  text(limit, value) {
    return typeof value === 'string' && [...value].length <= limit;
  }

  digest(size, value) {
    return value instanceof Uint8Array && value.length === size;
  }
}

const SCALARS = {
  text: (value) => typeof value === 'string',
  integer: isInteger,
  number: (value) => isInteger(value) || value instanceof Float,
  boolean: (value) => typeof value === 'boolean',
  bytes: (value) => value instanceof Uint8Array,
  date: (value) => value instanceof Tagged && value.tag === 100,
  datetime: (value) => value instanceof Tagged && value.tag <= 1,
  decimal: (value) => value instanceof Tagged && value.tag === 4,
  nothing: (value) => value === null,
};

// --- the normal form of text with a format (section 7) -------------------------------------

const MAX_FORMATTED_CHARS = 320;
const SPACES = '\\p{White_Space}\\x1c-\\x1f';
// U+10D6E is a dash since Unicode 16.
const HYPHENS =
  '\\p{Pd}\\u{10D6E}\\u2212\\u00AD\\u200B-\\u200F\\u202A-\\u202E\\u2060\\u2066-\\u2069\\uFEFF';
const SPACES_AND_HYPHENS = SPACES + HYPHENS;
const AROUND = new RegExp(`^[${SPACES}]+|[${SPACES}]+$`, 'gu');
const COMPACT = new RegExp(`[${SPACES_AND_HYPHENS}]+`, 'gu');
const COMPACT_WITHOUT_DOTS = new RegExp(`[${SPACES_AND_HYPHENS}.]+`, 'gu');

const trimmed = (text) => text.replace(AROUND, '');
const compact = (text) => text.replace(COMPACT, '');
const upper = (text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
const lower = (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const compactUpper = (text) => upper(compact(text));

function languageTag(text) {
  const [first, ...rest] = lower(trimmed(text)).split('-');
  let cased = [...first].length !== 1;
  const written = rest.map((subtag) => {
    const { length } = [...subtag];
    cased &&= length !== 1;
    if (cased && length === 2) return upper(subtag);
    if (cased && length === 4) return upper(subtag[0]) + subtag.slice(1);
    return subtag;
  });
  return [first, ...written].join('-');
}

function email(text) {
  const address = trimmed(text);
  const at = address.lastIndexOf('@');
  return address.slice(0, at + 1) + address.slice(at + 1).toLowerCase();
}

function e164(text) {
  const written = text.replace(COMPACT_WITHOUT_DOTS, '');
  return written.includes('(0)') ? written : written.replace(/[()]+/g, '');
}

const FORMATS = {
  bcp47: languageTag,
  email,
  e164,
  imei: compact,
  iccid: compact,
  siren: compact,
  siret: compact,
  ean13: compact,
  iban: compactUpper,
  bic: compactUpper,
  isin: compactUpper,
  vin: compactUpper,
};

export const normalised = (format, text) =>
  [...text].length > MAX_FORMATTED_CHARS ? text : FORMATS[format](text);
