/**
 * The message interface as AsyncAPI 3.0 (3-interface §1), generated from the tables of verbs and topics that the bus, the
 * permissions and discovery use too, so that it cannot say anything else. Written to docs/asyncapi.yaml by `npm run docs`.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { contentTypes, discoveryKinds } from '../bus/index.ts';
import {
  exitReasonSchema,
  type Role,
  type TopicSpec,
  topics,
  treeNodeSchema,
  type VerbSpec,
  verbs,
} from '../protocol/index.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
type JsonObject = { readonly [key: string]: Json | undefined };

const ref = (path: string): JsonObject => ({ $ref: `#/${path}` });
const schemaPath = 'components/schemas';

/** `epoch.get` → `EpochGet`: component names have no dots. */
const pascal = (dotted: string): string =>
  dotted.replace(/(^|\.)(\w)/g, (_, __, letter: string) => letter.toUpperCase());

/** Schemas that stand for themselves wherever they are used. */
const shared: readonly (readonly [string, z.ZodType])[] = [
  ['TreeNode', treeNodeSchema],
  ['ExitReason', exitReasonSchema],
];

const errorSchema: JsonObject = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details'],
      properties: {
        code: {
          type: 'string',
          pattern: '^[A-Z][A-Z0-9_]*$',
          description: 'Stable; the command line prints the same.',
        },
        message: { type: 'string' },
        details: { type: 'object', description: 'Facts about the error: the field, the offset, the limit.' },
      },
    },
  },
};

const envelopeSchema: JsonObject = {
  type: 'object',
  required: ['type'],
  properties: { type: { enum: ['@xstate.actor', '@xstate.event', '@xstate.snapshot', '@xstate.microstep'] } },
};

/** Integer bounds of JavaScript say nothing about the interface. */
const isSafeBound = (key: string, value: unknown): boolean =>
  (key === 'minimum' || key === 'maximum') && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;

const tidy = (value: unknown): Json => {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object' || value === null) return value as Json;
  const entries = Object.entries(value).filter(
    ([key, item]) => key !== '$schema' && key !== '$id' && !isSafeBound(key, item),
  );
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'allOf' && Array.isArray(first[1]) && first[1].length === 1)
    return tidy(first[1][0]);
  return Object.fromEntries(entries.map(([key, item]) => [key, tidy(item)]));
};

const schemas = (): JsonObject => {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of shared) registry.add(schema, { id });
  for (const [verb, { request, reply }] of Object.entries<VerbSpec>(verbs)) {
    // Verbs share instances (an empty request); a clone gives each its own name.
    registry.add(request.clone(), { id: `${pascal(verb)}Request` });
    if (!shared.some(([, schema]) => schema === reply)) registry.add(reply.clone(), { id: `${pascal(verb)}Reply` });
  }
  const generated = z.toJSONSchema(registry, { target: 'draft-7', io: 'input', uri: (id) => `#/${schemaPath}/${id}` });
  return { ...(tidy(generated.schemas) as JsonObject), Error: errorSchema, LiveEnvelope: envelopeSchema };
};

const replySchema = (verb: string, { reply }: VerbSpec): string =>
  shared.find(([, schema]) => schema === reply)?.[0] ?? `${pascal(verb)}Reply`;

const parameter = (description: string): JsonObject => ({ description });
const parameters = {
  cluster: parameter('`cluster_id` of the membership snapshot, `[a-z0-9-]{1,32}`.'),
  from: parameter('The sender; only it has permission to publish with this name.'),
  to: parameter('The node addressed.'),
  toOrAny: parameter('The node asked, or `any`: one ready validator (queue group `q`).'),
  node: parameter('The node watched.'),
  actor: parameter('The actor watched; one token for each part of its path.'),
} as const;

const channelParameters = (...names: readonly (keyof typeof parameters)[]): JsonObject =>
  Object.fromEntries(names.map((name) => [name === 'toOrAny' ? 'to' : name, ref(`components/parameters/${name}`)]));

const traced: JsonObject = { headers: ref('components/schemas/Headers') };

const verbChannels = ([verb, spec]: readonly [string, VerbSpec]): readonly (readonly [string, JsonObject])[] => [
  [
    `ask.${verb}`,
    {
      address: `iso.v1.{cluster}.ask.{to}.{from}.${verb}`,
      summary: spec.summary,
      parameters: channelParameters('cluster', spec.any ? 'toOrAny' : 'to', 'from'),
      messages: { request: { ...traced, payload: ref(`${schemaPath}/${pascal(verb)}Request`) } },
    },
  ],
  [
    `reply.${verb}`,
    {
      address: null,
      messages: {
        reply: { ...traced, payload: ref(`${schemaPath}/${replySchema(verb, spec)}`) },
        error: ref('components/messages/error'),
      },
    },
  ],
];

const roleList = (roles: readonly Role[]): Json => [...roles];

const verbOperation = ([verb, spec]: readonly [string, VerbSpec]): readonly [string, JsonObject] => [
  verb,
  {
    action: 'receive',
    summary: spec.summary,
    channel: ref(`channels/ask.${verb}`),
    messages: [ref(`channels/ask.${verb}/messages/request`)],
    reply: {
      address: {
        description: 'The reply subject of the request; nothing outside `_INBOX.` is answered.',
        location: '$message.header#/reply-to',
      },
      channel: ref(`channels/reply.${verb}`),
      messages: [ref(`channels/reply.${verb}/messages/reply`), ref(`channels/reply.${verb}/messages/error`)],
    },
    ...(spec.any ? { bindings: { nats: { queue: 'q' } } } : {}),
    'x-asked-by': roleList(spec.askedBy),
    'x-answered-by': roleList(spec.answeredBy),
    'x-any': spec.any,
    'x-audited': spec.audited === true,
  },
];

const topicChannel = ([topic, spec]: readonly [string, TopicSpec]): readonly [string, JsonObject] => [
  `${spec.mode}.${topic}`,
  {
    address:
      spec.mode === 'say' ? `iso.v1.{cluster}.say.{from}.${topic}` : `iso.v1.{cluster}.tell.{to}.{from}.${topic}`,
    summary: spec.summary,
    parameters: spec.mode === 'say' ? channelParameters('cluster', 'from') : channelParameters('cluster', 'to', 'from'),
    messages: {
      frame: {
        ...traced,
        contentType: contentTypes.tlv,
        summary: `TLV type 0x${spec.tlv.toString(16).padStart(2, '0')}; bytes in docs/wire.md.`,
        payload: { type: 'string', format: 'binary' },
      },
    },
  },
];

const topicOperations = ([topic, spec]: readonly [string, TopicSpec]): readonly (readonly [string, JsonObject])[] =>
  (['send', 'receive'] as const).map((action) => [
    `${action}.${spec.mode}.${topic}`,
    { action, summary: spec.summary, channel: ref(`channels/${spec.mode}.${topic}`) },
  ]);

const liveChannel: JsonObject = {
  address: 'iso.v1.{cluster}.live.{node}.{actor}',
  summary: 'Inspection of an actor, while a `live.watch` lease lasts.',
  parameters: channelParameters('cluster', 'node', 'actor'),
  messages: { envelope: { payload: ref(`${schemaPath}/LiveEnvelope`) } },
};

const discoveryChannel = (kind: string): readonly [string, JsonObject] => [
  `discovery.${kind}`,
  {
    address: `$SRV.${kind}`,
    summary: `ADR-32 ${kind} of the service \`isochron\` of every node; also \`$SRV.${kind}.isochron[.<id>]\`.`,
    messages: { question: { payload: {} } },
  },
];

const allVerbs = Object.entries<VerbSpec>(verbs);
const allTopics = Object.entries<TopicSpec>(topics);

const channels = (): JsonObject =>
  Object.fromEntries([
    ...allTopics.map(topicChannel),
    ...allVerbs.flatMap(verbChannels),
    ['live', liveChannel],
    ...discoveryKinds.map(discoveryChannel),
  ]);

const operations = (): JsonObject =>
  Object.fromEntries([
    ...allTopics.flatMap(topicOperations),
    ...allVerbs.map(verbOperation),
    ['live', { action: 'send', channel: ref('channels/live') }],
    ...discoveryKinds.map((kind) => [
      `discovery.${kind}`,
      { action: 'receive', channel: ref(`channels/discovery.${kind}`) },
    ]),
  ]);

const description = `Payloads are JSON or CBOR; radio messages are raw TLV. Without a \`Content-Type\` header an empty payload is \`{}\`,
a first byte \`{\` or \`[\` means JSON, anything else CBOR; a reply uses the format of its request. In JSON, fixed-size bytes are
lower-case hex, bulk bytes base64; fields are camelCase, times Unix milliseconds.
Logins are nkeys; permissions follow from \`x-asked-by\` and \`x-answered-by\`.
`;

/** The document as data. */
export const asyncApiDocument = (): JsonObject => ({
  asyncapi: '3.0.0',
  info: { title: 'Isochron', version: 'v1', description, license: { name: 'Apache-2.0' } },
  defaultContentType: contentTypes.json,
  servers: { local: { host: '127.0.0.1:4222', protocol: 'nats', description: 'The server `isochron up` manages.' } },
  channels: channels(),
  operations: operations(),
  components: {
    parameters: { ...parameters },
    messages: {
      error: {
        summary: 'A typed error.',
        headers: {
          type: 'object',
          required: ['Nats-Service-Error-Code', 'Nats-Service-Error'],
          properties: {
            'Nats-Service-Error-Code': { type: 'string', pattern: '^[0-9]{3}$', description: 'HTTP-like number.' },
            'Nats-Service-Error': { type: 'string' },
          },
        },
        payload: ref(`${schemaPath}/Error`),
      },
    },
    schemas: {
      ...schemas(),
      Headers: {
        type: 'object',
        properties: {
          'Content-Type': { enum: Object.values(contentTypes) },
          traceparent: { type: 'string', description: 'W3C Trace Context.' },
        },
      },
    },
  },
});

/** The document as it stands in docs/asyncapi.yaml. */
export const asyncApiYaml = (): string =>
  `# Generated from protocol/verbs.ts and protocol/topics.ts by \`npm run docs\`; a test keeps it up to date.\n${stringify(
    asyncApiDocument(),
    { lineWidth: 120, aliasDuplicateObjects: false },
  )}`;
