/** docs/cli.md, from the manifest: every command as its help shows it, with what scripts need to know around it. */
import { type CommandSpec, globalOptions, type OptionSpec } from './command.ts';
import { exitCodes } from './exitCodes.ts';
import { manifest } from './manifest.ts';
import { argumentText, optionFlags } from './program.ts';

const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done',
  failure: 'it failed; the line on stderr says why',
  usage: 'called wrongly, or a file is not what it should be; nothing was started',
  inactive: 'what was asked about is not active',
  notFound: 'no such node or actor',
  timeout: 'no answer in time',
  unavailable: 'no server, no cluster, port in use, disk full',
  denied: 'not allowed to',
  interrupted: 'interrupted by a signal (`up` and `node`: 0 after a clean stop)',
};

const groups: readonly CommandSpec['group'][] = ['Cluster', 'See', 'Steer', 'Material and checks'];

/** `|` would end a cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

/** `<name>` would be taken for HTML. */
const prose = (text: string): string => text.replaceAll('<', '\\<');

const optionRow = (option: OptionSpec): string => {
  const shown = option.default === undefined ? '' : ` (default ${option.default})`;
  return `| \`${cell(optionFlags(option))}\` | ${cell(option.summary)}${shown} |`;
};

const usage = ({ name, args = [], options = [] }: CommandSpec): string =>
  ['isochron', name, ...(options.length > 0 ? ['[options]'] : []), ...args.map(argumentText)].join(' ');

const section = (spec: CommandSpec): readonly string[] => {
  const { args = [], options = [], examples = [] } = spec;
  const rows = [
    ...args.map((one) => `| \`${cell(argumentText(one))}\` | ${cell(one.summary)} |`),
    ...options.map(optionRow),
  ];
  return [
    `### ${spec.name}`,
    '',
    `\`${usage(spec)}\``,
    '',
    prose(spec.description),
    '',
    ...(rows.length === 0 ? [] : ['| | |', '|---|---|', ...rows, '']),
    ...(examples.length === 0
      ? []
      : ['```sh', ...examples.map(({ command, does }) => `${command}  # ${does}`), '```', '']),
  ];
};

/** The whole of docs/cli.md. */
export const cliPage = (): string =>
  [
    '# The command line',
    '',
    'Generated from the manifest that also makes help and completion (`npm run docs`); a test keeps them in step.',
    '',
    'Results go to stdout, messages to stderr. Which cluster is meant: `--dir`, else `--nats`, else the current folder, else the only one that runs; several are listed. Flags go before the environment (`ISOCHRON_DIR`, `ISOCHRON_NATS`, `NATS_URL`, `ISOCHRON_LOG_LEVEL`), that before files. `NO_COLOR` turns colours off.',
    '',
    '## Options of every command',
    '',
    '| | |',
    '|---|---|',
    ...globalOptions.map(optionRow),
    '',
    '## Exit codes',
    '',
    '| | |',
    '|---|---|',
    ...Object.entries(exitCodes).map(([name, code]) => `| ${code} | ${exitMeanings[name as keyof typeof exitCodes]} |`),
    '',
    ...groups.flatMap((group) => [
      `## ${group}`,
      '',
      ...manifest.filter((spec) => spec.group === group && spec.hidden !== true).flatMap(section),
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
