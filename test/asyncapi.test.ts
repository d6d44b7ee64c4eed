/** docs/asyncapi.yaml is valid AsyncAPI 3 and says what the code does. */
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { permissionsFor } from '../bus/index.ts';
import { topics, verbs } from '../protocol/index.ts';
import { asyncApiDocument, asyncApiYaml } from '../scripts/asyncapi.ts';

const written = readFileSync(new URL('../docs/asyncapi.yaml', import.meta.url), 'utf8');

it('docs/asyncapi.yaml is up to date (npm run docs)', () => {
  expect(written).toBe(asyncApiYaml());
});

it('docs/asyncapi.yaml is valid AsyncAPI 3, without an error or a warning', async () => {
  const { document, diagnostics } = await new Parser().parse(written);
  const complaints = diagnostics.filter(({ severity }) => severity <= 1);
  expect(complaints.map(({ message, path }) => `${path.join('.')}: ${message}`)).toEqual([]);
  expect(document?.version()).toBe('3.0.0');
  expect(
    document
      ?.operations()
      .all()
      .map((operation) => operation.id()),
  ).toEqual(
    expect.arrayContaining([
      ...Object.keys(verbs),
      ...Object.keys(topics).map((topic) => expect.stringContaining(topic)),
    ]),
  );
});

it('every verb and topic has a channel that permissions are about', () => {
  const { channels } = asyncApiDocument() as { channels: Record<string, { address: string | null }> };
  const addresses = Object.values(channels).map(({ address }) => address);
  for (const verb of Object.keys(verbs)) expect(addresses).toContain(`iso.v1.{cluster}.ask.{to}.{from}.${verb}`);
  const { publish } = permissionsFor('{cluster}'.replace(/[{}]/g, ''), 'host', 'host');
  const asked = publish
    .filter((subject) => subject.includes('.ask.'))
    .map((subject) => subject.replace('.cluster.', '.{cluster}.').replace('ask.*.host', 'ask.{to}.{from}'));
  expect(addresses).toEqual(expect.arrayContaining(asked));
});

it('no reference is left dangling', () => {
  const document = parse(written) as Record<string, unknown>;
  const references = [...written.matchAll(/\$ref: ["']?#\/([^"'\s]+)/g)].map((match) => match[1] ?? '');
  expect(references.length).toBeGreaterThan(50);
  for (const reference of new Set(references)) {
    // Names carry dots, never slashes, so a path is split by slashes alone.
    const found = reference
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    expect([reference, found !== undefined]).toEqual([reference, true]);
  }
});
