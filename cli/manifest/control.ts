/** Commands that read and steer a running cluster: ps, tree, top, status, inspect, send, kill, restart, stop, start, logs, tail, epoch. */
import type { ArgumentSpec, CommandSpec } from '../command.ts';

const unitId = {
  name: 'id',
  summary: 'a node (validator-1) or an actor (validator-1/election)',
  value: { kind: 'text', placeholder: 'id', completes: 'unit' },
} as const satisfies ArgumentSpec;
const requiredId: ArgumentSpec = { ...unitId, required: true };

const linesMax = 1_000_000;

const seeCommands: readonly CommandSpec[] = [
  {
    name: 'ps',
    group: 'See',
    summary: 'list the nodes, or with -a every unit',
    description:
      'One row a node: status and restarts as host supervises it, the state of its election (of its epoch on a device), uptime, pid, and messages waiting. A node that runs and does not answer is silent. ' +
      'With --json one object {cluster, units: [{id, actor, status, state, restarts, uptimeMs, pid, mailbox, lastExit}]}.',
    options: [
      { name: 'all', short: 'a', summary: 'every process and every actor' },
      { name: 'watch', short: 'w', summary: 'refresh every second until interrupted' },
    ],
    examples: [
      { command: 'isochron ps', does: 'the nodes of the cluster that runs here' },
      { command: 'isochron ps -a --json', does: 'every unit, for scripts' },
    ],
    run: async (context, args) => (await import('../commands/ps.ts')).run(context, args),
  },
  {
    name: 'tree',
    group: 'See',
    summary: 'show the supervision tree: processes, and the actors in each',
    description:
      'The tree of host with the tree of each node under its process; nodes that no host runs follow. With --json one object {cluster, trees: [{id, actor, state, status, restarts, incarnation, mailbox, uptimeMs, isolation, pid, lastExit?, children}]}.',
    examples: [{ command: 'isochron tree', does: 'who supervises whom, and how each is' }],
    run: async (context) => (await import('../commands/tree.ts')).run(context),
  },
  {
    name: 'top',
    group: 'See',
    summary: 'watch epochs and units on one screen',
    description:
      'Refreshes in place: nodes with head, term, epoch, phase and skew, then every unit. q or Ctrl-C ends it, a shows or hides actors. Off a terminal it prints once; with --json one object {cluster, nodes, units}, rows as in ps.',
    examples: [{ command: 'isochron top', does: 'the cluster, live' }],
    run: async (context) => (await import('../commands/top.ts')).run(context),
  },
  {
    name: 'status',
    group: 'See',
    summary: 'say whether a unit, or the cluster, is active',
    description:
      'Exits 0 when it is active, 3 when it is not, 4 when nobody knows it. A unit is active while it runs and answers; the cluster while a node keeps time under a head, and healthy when all nodes agree. ' +
      'With --json {id, active, …} as a row of ps, or for the cluster {cluster, health, active, head, term, leadsMs, epoch, nodes, answering, synchronized, problems}.',
    args: [unitId],
    examples: [
      { command: 'isochron status', does: 'head, term, epoch and health of the cluster' },
      { command: 'isochron status device-1 && echo up', does: 'in scripts' },
    ],
    run: async (context, args) => (await import('../commands/status.ts')).run(context, args),
  },
  {
    name: 'inspect',
    group: 'See',
    summary: 'show everything about one unit',
    description:
      'Of an actor: status, restarts, last exit, state, tags, context, the events it accepts from outside, and an outline of its statechart with the present states marked. Of a node: its process and its actors. ' +
      'With --json {unit, snapshot, definition} or {unit, tree}.',
    args: [requiredId],
    examples: [{ command: 'isochron inspect validator-1/election', does: 'the election as it stands' }],
    run: async (context, args) => (await import('../commands/inspect.ts')).run(context, args),
  },
  {
    name: 'epoch',
    group: 'See',
    summary: 'show the epoch of every node, and whether they agree',
    description:
      'Asks every node at once: epoch, phase, whether it is synchronized, head, term, configuration, offset of the cluster clock to its own, and skew to the head (nodes of this machine only: clocks of others cannot be compared). ' +
      'With --json {cluster, agree, epoch, head, term, nodes: [{node, role, epoch, …, phase, skewMs} or {node, role, error}], problems}; with --config the feature configuration in force.',
    options: [{ name: 'config', summary: 'print the feature configuration instead' }],
    examples: [
      { command: 'isochron epoch', does: 'a table, and whether all agree' },
      { command: 'isochron epoch --config --json', does: 'the FeatureConfig as config.get answers it' },
    ],
    run: async (context, args) => (await import('../commands/epoch.ts')).run(context, args),
  },
  {
    name: 'logs',
    group: 'See',
    summary: 'show the logs of nodes, merged by time',
    description:
      'Reads <dir>/logs, rotated files included, whether the cluster runs or not, and prints HH:MM:SS.mmm level node action=… key=value (local time); with --json the raw lines. -f follows them through rotation until interrupted.',
    args: [
      {
        name: 'ids',
        summary: 'nodes (validator-1) or actors (validator-1/election); default all',
        variadic: true,
        value: { kind: 'text', placeholder: 'id', completes: 'unit' },
      },
    ],
    options: [
      { name: 'follow', short: 'f', summary: 'go on with what comes' },
      { name: 'since', summary: 'only lines younger than this', value: { kind: 'duration' } },
      {
        name: 'lines',
        short: 'n',
        summary: 'the last so many lines (100, or with --since all)',
        value: { kind: 'count', min: 0, max: linesMax },
      },
      {
        name: 'level',
        summary: 'this level and worse',
        value: { kind: 'choice', choices: ['debug', 'info', 'warn', 'error'] },
        default: 'debug',
      },
    ],
    examples: [
      { command: 'isochron logs -f', does: 'everything, as it happens' },
      { command: 'isochron logs validator-1 --since 5m --level warn', does: 'what went wrong there lately' },
    ],
    run: async (context, args) => (await import('../commands/logs.ts')).run(context, args),
  },
  {
    name: 'tail',
    group: 'See',
    summary: 'show what the cluster says, or what an actor does, as it happens',
    description:
      'Without a subject: everything nodes say (beacons, heartbeats, coordinators), decoded, one message a line. A subject narrows it: beacon.beacon, election, say.validator-1.>. live.<node>[.<actor>] shows the events an actor gets and the states they lead to, through a lease that is renewed. ' +
      'What is told or asked reaches its node alone and cannot be heard (exit 7). With --json one object a line: {atMs, mode, from, topic, format, message} or the live envelope.',
    args: [{ name: 'subject', summary: 'what to listen to; default: all that is said' }],
    options: [
      { name: 'count', short: 'n', summary: 'end after so many', value: { kind: 'count', min: 1, max: linesMax } },
    ],
    examples: [
      { command: 'isochron tail', does: 'all that is said' },
      { command: 'isochron tail beacon -n 1 --json', does: 'the next beacon, decoded' },
      { command: 'isochron tail live.validator-1.election', does: 'an election, step by step' },
    ],
    run: async (context, args) => (await import('../commands/tail.ts')).run(context, args),
  },
];

const audit = 'It is written to the audit log of whoever carries it out.';
const answers = 'With --json {id, action, done}.';

const steerCommands: readonly CommandSpec[] = [
  {
    name: 'send',
    group: 'Steer',
    summary: 'send an event to an actor',
    description: `Only events that an actor calls operable are accepted; inspect lists them, others are refused (exit 7). ${audit} With --json {id, event, done}.`,
    args: [requiredId, { name: 'event', summary: 'type of the event', required: true }],
    options: [
      {
        name: 'data',
        summary: 'its other fields: a JSON object, @file, or - for stdin',
        value: { kind: 'text', placeholder: 'json|@file|-' },
      },
    ],
    examples: [
      { command: "isochron send validator-1/epoch <EVENT> --data '{…}'", does: 'an event that inspect lists' },
    ],
    run: async (context, args) => (await import('../commands/send.ts')).run(context, args),
  },
  {
    name: 'restart',
    group: 'Steer',
    summary: 'stop and start a unit',
    description: `Stops a unit in order and starts it again; this does not count as a failure. ${audit} ${answers}`,
    args: [requiredId],
    examples: [{ command: 'isochron restart validator-1/beacon', does: 'one actor' }],
    run: async (context, args) => (await import('../commands/restart.ts')).run(context, args),
  },
  {
    name: 'stop',
    group: 'Steer',
    summary: 'stop a unit until it is started again',
    description: `Stops a unit in order; its supervisor leaves it alone until: isochron start. Asks first when it is a whole node and a person is there. The nats-server is not stopped alone (exit 7): everything reaches the cluster through it. ${audit} ${answers}`,
    args: [requiredId],
    examples: [{ command: 'isochron stop device-1 --yes', does: 'a node, without asking' }],
    run: async (context, args) => (await import('../commands/stop.ts')).run(context, args),
  },
  {
    name: 'start',
    group: 'Steer',
    summary: 'start a stopped unit',
    description: `Starts what was stopped or has failed for good; what runs already is left alone. ${audit} ${answers}`,
    args: [requiredId],
    examples: [{ command: 'isochron start device-1', does: 'a node' }],
    run: async (context, args) => (await import('../commands/start.ts')).run(context, args),
  },
  {
    name: 'kill',
    group: 'Steer',
    summary: 'kill a unit at once; its supervisor restarts it',
    description: `SIGKILL for a node or process; an actor ends as killed. Nothing is saved or said goodbye. Its supervisor restarts it as after any failure. Asks first when it is a whole node and a person is there. ${audit} ${answers}`,
    args: [requiredId],
    examples: [{ command: 'isochron kill validator-2 --yes', does: 'what a power cut does' }],
    run: async (context, args) => (await import('../commands/kill.ts')).run(context, args),
  },
];

export const controlCommands: readonly CommandSpec[] = [...seeCommands, ...steerCommands];
