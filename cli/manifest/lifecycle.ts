/** Commands that make, run and check clusters. */
import type { CommandSpec, OptionSpec } from '../command.ts';

/** Ranks are u8; 0 is left free. */
const validatorsMax = 255;
const devicesMax = 700;

const preset = {
  name: 'preset',
  value: { kind: 'choice', choices: ['lab', 'field'] },
} as const satisfies Partial<OptionSpec>;

export const lifecycleCommands: readonly CommandSpec[] = [
  {
    name: 'init',
    group: 'Cluster',
    summary: 'write the keys, membership and configuration of a new cluster',
    description:
      'Writes isochron.json, keys/, nodes/<name>/ (self-contained: copy one to the machine of that node), membership.json, nats.conf, admin-bundle.txt and dns.txt. ' +
      'Key files are readable by their owner alone. A directory that holds anything is refused. With --nats the cluster is written for that server, else for free ports of this machine.',
    args: [
      {
        name: 'dir',
        summary: 'directory to write, made when missing',
        required: true,
        value: { kind: 'text', placeholder: 'dir', completes: 'directory' },
      },
    ],
    options: [
      {
        name: 'validators',
        summary: 'nodes that can lead',
        value: { kind: 'count', min: 1, max: validatorsMax },
        default: '2',
      },
      {
        name: 'devices',
        summary: 'nodes that follow',
        value: { kind: 'count', min: 0, max: devicesMax },
        default: '1',
      },
      {
        ...preset,
        summary: 'parameters to start from: lab for demos on one machine, field for slow radios',
        default: 'lab',
      },
    ],
    examples: [
      { command: 'isochron init lab', does: 'two validators and a device for this machine' },
      {
        command: 'isochron init site --validators 3 --devices 8 --preset field',
        does: 'a larger cluster with the parameters of the field',
      },
    ],
    run: async (context, args) => (await import('../commands/init.ts')).run(context, args),
  },
  {
    name: 'up',
    group: 'Cluster',
    summary: 'run a whole cluster on this machine: nats-server and one process a node',
    description:
      'Starts a nats-server and every node of dir, restarts what fails, and reports when all nodes agree on an epoch. Without dir it makes a temporary lab cluster and removes it at the end. ' +
      'SIGINT, SIGTERM and the end of its terminal stop it cleanly (exit 0); under nohup it goes on without one; nodes and nats-server die with it, whatever ends it. On a terminal it shows a live table; with --json it prints one line when ready.',
    args: [
      {
        name: 'dir',
        summary: 'directory made by init',
        value: { kind: 'text', placeholder: 'dir', completes: 'directory' },
      },
    ],
    options: [
      { name: 'detach', short: 'd', summary: 'run in the background; stop it with: isochron down' },
      { name: 'wait', summary: 'with -d: return only when all nodes agree on an epoch' },
      { name: 'for', summary: 'stop this long after it is ready', value: { kind: 'duration' } },
    ],
    examples: [
      { command: 'isochron up', does: 'a temporary cluster, until Ctrl-C' },
      { command: 'isochron up lab -d --wait', does: 'the cluster of lab/, in the background' },
      { command: 'isochron up --json --for 30s', does: 'one line when it is ready, for scripts' },
    ],
    endsBySignal: true,
    run: async (context, args) => (await import('../commands/up.ts')).run(context, args),
  },
  {
    name: 'down',
    group: 'Cluster',
    summary: 'stop a cluster that up runs',
    description:
      'Asks the up of a cluster to stop and waits until it is gone. A cluster that is not running is no failure.',
    args: [
      {
        name: 'dir',
        summary: 'directory of the cluster',
        value: { kind: 'text', placeholder: 'dir', completes: 'cluster' },
      },
    ],
    options: [{ name: 'timeout', summary: 'how long to wait for it', value: { kind: 'duration' }, default: '30s' }],
    examples: [{ command: 'isochron down', does: 'the only cluster that runs' }],
    run: async (context, args) => (await import('../commands/down.ts')).run(context, args),
  },
  {
    name: 'node',
    group: 'Cluster',
    summary: 'run one node in the foreground',
    description:
      'Checks every file of the node first (exit 2 when one is wrong, nothing started), then runs until SIGINT or SIGTERM (exit 0). Its log is NDJSON on stdout. ' +
      'While its NATS server is away it keeps counting epochs by itself and tries again. In the field preset a directory that holds system.nk or admin.nk is refused.',
    args: [
      {
        name: 'dir',
        summary: 'a directory nodes/<name> made by init',
        required: true,
        value: { kind: 'text', placeholder: 'dir', completes: 'directory' },
      },
    ],
    examples: [{ command: 'isochron node lab/nodes/validator-1', does: 'one validator' }],
    endsBySignal: true,
    run: async (context, args) => (await import('../commands/node.ts')).run(context, args),
  },
  {
    name: 'doctor',
    group: 'Material and checks',
    summary: 'check this machine, a cluster directory and the running cluster',
    description:
      "Checks Node, nats-server, files and their modes, keys, membership, ports, the clock, whether the cluster answers and whether its server enforces permissions. Exits 1 when a check fails; warnings do not. To see that the server refuses them, it publishes what it may not and connects without a key: that leaves two refusals in the server's log.",
    examples: [{ command: 'isochron doctor --dir lab', does: 'everything about lab/' }],
    run: async (context, args) => (await import('../commands/doctor.ts')).run(context, args),
  },
  {
    name: 'config',
    group: 'Material and checks',
    summary: 'print the parameters in force and where each comes from',
    description:
      'Prints every parameter of a cluster with its value and its source: default (the field preset), preset (where lab differs from it), or isochron.json. Without a cluster it prints a preset.',
    options: [{ ...preset, summary: 'print this preset instead of a cluster' }],
    examples: [
      { command: 'isochron config --dir lab', does: 'the parameters of lab/' },
      { command: 'isochron config --preset field --json', does: 'the defaults' },
    ],
    run: async (context, args) => (await import('../commands/config.ts')).run(context, args),
  },
  {
    name: 'keys',
    group: 'Material and checks',
    summary: 'print public keys and the modes of key files, never seeds',
    description:
      'Lists every key file of a cluster directory with its public key and mode. A file that others may read is marked, and makes the command exit 1.',
    examples: [{ command: 'isochron keys --dir lab', does: 'the keys of lab/' }],
    run: async (context, args) => (await import('../commands/keys.ts')).run(context, args),
  },
  {
    name: 'completion',
    group: 'Material and checks',
    summary: 'print a completion script for a shell',
    description: 'Prints a script that makes the shell complete commands, options, clusters and node names.',
    args: [
      {
        name: 'shell',
        summary: 'which shell',
        required: true,
        value: { kind: 'choice', choices: ['bash', 'zsh', 'fish'] },
      },
    ],
    examples: [{ command: 'source <(isochron completion bash)', does: 'completion in this shell' }],
    run: async (context, args) => (await import('../commands/completion.ts')).run(context, args),
  },
  {
    name: 'complete',
    group: 'Material and checks',
    summary: 'answer a completion request of a shell',
    description: 'What the script of completion calls.',
    args: [{ name: 'words', summary: 'words of the line so far', variadic: true }],
    hidden: true,
    run: async (context, args) => (await import('../commands/complete.ts')).run(context, args),
  },
  {
    name: 'version',
    group: 'Material and checks',
    summary: 'print the version',
    description: 'Prints the version of isochron; with --json also those of Node and the platform.',
    run: async (context, args) => (await import('../commands/version.ts')).run(context, args),
  },
];
