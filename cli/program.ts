/** Turns the manifest into a parser (commander): help, suggestions and checks come from the same data. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { Arguments, parseValue, type Value } from './arguments.ts';
import { type ArgumentSpec, type CommandSpec, globalOptions, type OptionSpec, type ValueSpec } from './command.ts';
import { UsageError } from './errors.ts';

/** What somebody typed, understood. */
export interface Call {
  readonly spec: CommandSpec;
  readonly args: Arguments;
}

/** Help or the version was asked for: `text` is all there is to do. */
export interface Answer {
  readonly text: string;
}

export interface Invocation {
  readonly globals: ReadonlyMap<string, Value>;
  readonly asked: Call | Answer;
}

const placeholderOf = (value: ValueSpec): string => {
  switch (value.kind) {
    case 'text':
      return value.placeholder;
    case 'choice':
      return value.choices.join('|');
    case 'count':
      return 'n';
    case 'duration':
      return 'time';
  }
};

/** `-d, --detach`, `--for <time>`. */
export const optionFlags = ({ name, short, value }: OptionSpec): string =>
  `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${placeholderOf(value)}>`}`;

/** `<dir>`, `[dir]`, `[ids...]`. */
export const argumentText = ({ name, required, variadic }: ArgumentSpec): string => {
  const text = variadic === true ? `${name}...` : name;
  return required === true ? `<${text}>` : `[${text}]`;
};

const parserOf = (value: ValueSpec | undefined) => (text: string) => {
  const parsed = parseValue(value, text);
  if ('expected' in parsed) throw new InvalidArgumentError(`expected ${parsed.expected}, got '${text}'`);
  return parsed.value;
};

const optionOf = (spec: OptionSpec): Option => {
  const option = new Option(optionFlags(spec), spec.summary);
  if (spec.value === undefined) return option;
  option.argParser(parserOf(spec.value));
  if (spec.default !== undefined) option.default(parserOf(spec.value)(spec.default), spec.default);
  return option;
};

const argumentOf = (spec: ArgumentSpec): Argument => {
  const argument = new Argument(argumentText(spec), spec.summary);
  if (spec.variadic !== true) argument.argParser(parserOf(spec.value));
  return argument;
};

const examplesText = ({ examples = [] }: CommandSpec): string =>
  examples.length === 0
    ? ''
    : `\nExamples:\n${examples.map(({ command, does }) => `  ${command}\n      ${does}`).join('\n')}\n`;

/** commander's camelCase name of an option. */
const attribute = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const valuesOf = (
  specs: readonly OptionSpec[],
  options: Readonly<Record<string, Value | undefined>>,
): Map<string, Value> => {
  const values = new Map<string, Value>();
  for (const { name } of specs) {
    const value = options[attribute(name)];
    if (value !== undefined) values.set(name, value);
  }
  return values;
};

const commandOf = (spec: CommandSpec, onCall: (call: Call) => void): Command => {
  const command = new Command(spec.name)
    .summary(spec.summary)
    .description(spec.description)
    .helpGroup(`${spec.group}:`)
    .addHelpText('after', examplesText(spec));
  for (const argument of spec.args ?? []) command.addArgument(argumentOf(argument));
  for (const option of spec.options ?? []) command.addOption(optionOf(option));
  if (spec.hidden === true) command.allowUnknownOption();
  return command.action(() => {
    const values = valuesOf(spec.options ?? [], command.opts());
    for (const [i, { name }] of (spec.args ?? []).entries()) {
      const value: unknown = command.processedArgs[i];
      if (value !== undefined) values.set(name, value as Value);
    }
    onCall({ spec, args: new Arguments(values) });
  });
};

/**
 * Understands a command line (without `node` and the script).
 * @throws UsageError, one line, with a suggestion where one is near
 */
export const parseCommandLine = (
  argv: readonly string[],
  manifest: readonly CommandSpec[],
  version: string,
): Invocation => {
  let text = '';
  let call: Call | undefined;
  const program = new Command('isochron')
    .description('Keeps a field cluster in step: supervised statechart actors over NATS.')
    .version(version, '-V, --version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (part) => {
        text += part;
      },
      writeErr: () => undefined,
      outputError: () => undefined,
    });
  for (const option of globalOptions) program.addOption(optionOf(option));
  for (const spec of manifest) {
    const command = commandOf(spec, (made) => {
      call = made;
    });
    program.addCommand(command.copyInheritedSettings(program), { hidden: spec.hidden === true });
  }
  try {
    program.parse(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw new UsageError(oneLine(error.message), { cause: error });
  }
  return { globals: valuesOf(globalOptions, program.opts()), asked: call ?? { text } };
};

/** `error: unknown command 'pss'\n(Did you mean ps?)` as one line. */
const oneLine = (message: string): string => message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
