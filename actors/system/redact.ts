/**
 * Keeps secrets out of the log, twice: by the name of the field and by the look of the value, because a secret
 * that ends up in an error message has no name. Long and nested values are cut to what a log line should carry.
 */

/** What stands in a log where a secret stood. */
export const redacted = '[redacted]';

/** Longest text of one field, in characters: an oversized frame must not become an oversized log. */
const textCharsMax = 2_000;

/** `key`, `groupSeed`, `admin_secret`, `apiToken` …, but not `publicKey` or `natsKey`, which are public. */
const secretName =
  /^(key|private_?key|secret_?key)$|(^|_)(seed|secret|password|passphrase|token)$|(Seed|Secret|Password|Token|PrivateKey)$/i;

/** The key of a store entry, `election.term`: names a place, and is no secret. */
const entryKey = /^[a-z][A-Za-z]*(\.[A-Za-z0-9-]+)+$/;

const isSecret = (name: string, value: unknown): boolean =>
  secretName.test(name) && !(name === 'key' && typeof value === 'string' && entryKey.test(value));

/** nkey seeds (`S`, type, 56 base32 characters), admin bundles, PEM private keys. */
const secretText =
  /\bS[ACNOUX][A-Z2-7]{56}\b|p2pos-admin:\/\/\S+|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*-----)?/g;

/** Secrets first: half a seed, cut at the limit, would no longer look like one. */
const clean = (text: string): string => {
  const safe = text.replace(secretText, redacted);
  return safe.length > textCharsMax ? `${safe.slice(0, textCharsMax)}…` : safe;
};

const asText = (value: object): string => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
};

/** The value as it may be logged: flat, short, without secrets. Never throws, whatever it is given. */
export const redact = (name: string, value: unknown): string | number | boolean | null => {
  if (value === null || typeof value === 'boolean') return value;
  if (isSecret(name, value)) return redacted;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return clean(value);
  if (value instanceof Error) return clean(`${value.name}: ${value.message}`);
  return clean(typeof value === 'object' ? asText(value) : String(value));
};
