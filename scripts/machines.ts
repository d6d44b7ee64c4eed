/** Draws every machine as a Mermaid state diagram for docs/machines.md, from the same definitions that run. */
import * as machines from '../machines/index.ts';

interface Node {
  readonly description?: string;
  readonly initial?: unknown;
  readonly type?: string;
  readonly tags?: unknown;
  readonly states?: Readonly<Record<string, Node>>;
  readonly on?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly always?: unknown;
  readonly invoke?: unknown;
}
type Arrow = { readonly from: string; readonly to: string; readonly label: string };

const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

const targetOf = (transition: unknown): string | undefined => {
  if (typeof transition === 'string') return transition;
  const target = (transition as { target?: unknown } | null)?.target;
  return typeof target === 'string' ? target : undefined;
};
const guardOf = (transition: unknown): string => {
  const guard = (transition as { guard?: unknown } | null)?.guard;
  const name = typeof guard === 'string' ? guard : (guard as { type?: string } | undefined)?.type;
  return name === undefined ? '' : ` [${name}]`;
};

/** `a.b` → `a_b`: Mermaid ids have no dots. */
const idOf = (path: readonly string[]): string => path.join('_');

/** Resolves `sibling`, `.child` and `#machine.path` to a path. */
const resolve = (target: string, path: readonly string[]): readonly string[] => {
  if (target.startsWith('#')) return target.split('.').slice(1);
  if (target.startsWith('.')) return [...path, ...target.slice(1).split('.')];
  return [...path.slice(0, -1), ...target.split('.')];
};

const transitionsOf = (node: Node): readonly (readonly [label: string, transition: unknown])[] => [
  ...Object.entries(node.on ?? {}).flatMap(([event, to]) => list(to).map((one) => [event, one] as const)),
  ...Object.entries(node.after ?? {}).flatMap(([delay, to]) => list(to).map((one) => [`after ${delay}`, one] as const)),
  ...list(node.always).map((one) => ['', one] as const),
  ...list(node.invoke).flatMap((invoked) => {
    const { src, onDone, onError } = invoked as { src: string; onDone?: unknown; onError?: unknown };
    return [
      ...list(onDone).map((one) => [`${src} done`, one] as const),
      ...list(onError).map((one) => [`${src} failed`, one] as const),
    ];
  }),
];

const arrowsOf = (node: Node, path: readonly string[]): readonly Arrow[] =>
  transitionsOf(node).flatMap(([label, transition]) => {
    const target = targetOf(transition);
    if (target === undefined) return [];
    return [{ from: idOf(path), to: idOf(resolve(target, path)), label: `${label}${guardOf(transition)}`.trim() }];
  });

const drawStates = (node: Node, path: readonly string[], indent: string): readonly string[] => {
  const names = Object.keys(node.states ?? {});
  const lines = names.flatMap((name, index) => {
    const child = node.states?.[name] ?? {};
    const id = idOf([...path, name]);
    const divider = node.type === 'parallel' && index > 0 ? [`${indent}--`] : [];
    const open =
      child.states === undefined ? [`${indent}state "${name}" as ${id}`] : [`${indent}state "${name}" as ${id} {`];
    const inner =
      child.states === undefined ? [] : [...drawStates(child, [...path, name], `${indent}  `), `${indent}}`];
    return [...divider, ...open, ...inner];
  });
  const initial = typeof node.initial === 'string' ? [`${indent}[*] --> ${idOf([...path, node.initial])}`] : [];
  return [...initial, ...lines];
};

const everyArrow = (node: Node, path: readonly string[]): readonly Arrow[] => [
  // What the root handles holds in every state: it is listed in words, not as arrows.
  ...(path.length === 0 ? [] : arrowsOf(node, path)),
  ...Object.entries(node.states ?? {}).flatMap(([name, child]) => everyArrow(child, [...path, name])),
];

const describe = (node: Node, path: readonly string[]): readonly string[] =>
  Object.entries(node.states ?? {}).flatMap(([name, child]) => {
    const tags = list(child.tags)
      .map((tag) => ` \`${String(tag)}\``)
      .join('');
    const row = `| ${[...path, name].join('.')} | ${child.description ?? ''}${tags} |`;
    return [...(child.description === undefined ? [] : [row]), ...describe(child, [...path, name])];
  });

const anywhere = (root: Node): readonly string[] => {
  const rows = Object.entries(root.on ?? {}).flatMap(([event, to]) =>
    list(to).map(
      (one) => `- \`${event}\`${guardOf(one)}${targetOf(one) === undefined ? '' : ` → ${targetOf(one)?.slice(1)}`}`,
    ),
  );
  return rows.length === 0 ? [] : ['In every state:', '', ...rows, ''];
};

const page = (name: string, config: Node): string =>
  [
    `## ${name}`,
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...drawStates(config, [], '  '),
    ...everyArrow(config, []).map(({ from, to, label }) => `  ${from} --> ${to}${label === '' ? '' : ` : ${label}`}`),
    '```',
    '',
    ...anywhere(config),
    '| state | |',
    '|---|---|',
    ...describe(config, []),
    '',
  ].join('\n');

/** The whole of docs/machines.md. */
export const machinesPage = (): string => {
  const pages = Object.entries(machines)
    .filter(([name]) => name.endsWith('Machine'))
    .map(([name, machine]) => page(name.replace(/Machine$/, ''), (machine as { config: unknown }).config as Node));
  const intro = [
    '# The machines',
    '',
    'Generated from the definitions that run (`npm run docs`); a test keeps them in step.',
    '',
  ];
  return `${intro.join('\n')}\n${pages.join('\n')}`;
};
