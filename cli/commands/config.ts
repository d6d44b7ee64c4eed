/** `isochron config`: every parameter in force, and who decided it. */

import { fieldParameters, type Parameters, type Preset, parametersSchema, presets } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import { findCluster } from '../cluster.ts';
import type { Context } from '../context.ts';
import { ClusterUnavailableError } from '../errors.ts';
import type { ExitCode } from '../exitCodes.ts';
import { readClusterFiles } from '../files/clusterFiles.ts';
import { tableLines } from '../render/columns.ts';

type Source = 'default' | 'preset' | 'isochron.json';

interface Effective {
  readonly dir: string | null;
  readonly cluster: string | null;
  readonly preset: Preset;
  readonly parameters: Parameters;
  /** Names that isochron.json sets. */
  readonly own: ReadonlySet<string>;
}

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const effective = effectiveOf(context, args.text('preset'));
  const names = Object.keys(parametersSchema.shape) as (keyof Parameters)[];
  const sources = Object.fromEntries(names.map((name) => [name, sourceOf(name, effective)]));
  const { dir, cluster, preset, parameters } = effective;
  context.output.result({ dir, cluster, preset, parameters, sources }, (paint) => {
    const rows = names.map((name) => ({ name, value: valueText(parameters[name]), source: sources[name] ?? '' }));
    const title = dir === null ? `Preset ${preset}` : `Cluster ${cluster} (${dir}), preset ${preset}`;
    const table = tableLines(columns, rows, { paint });
    return [title, '', ...table].join('\n');
  });
  return undefined;
};

interface Row {
  readonly name: string;
  readonly value: string;
  readonly source: string;
}

const columns = [
  { title: 'PARAMETER', text: ({ name }: Row) => name },
  { title: 'VALUE', text: ({ value }: Row) => value },
  { title: 'SOURCE', text: ({ source }: Row) => source },
];

/** A preset when one is named or there is no cluster, else the cluster's. */
const effectiveOf = (context: Context, named: string | undefined): Effective => {
  const dir = named === undefined ? clusterDir(context) : undefined;
  if (dir === undefined) {
    const preset: Preset = named === 'lab' ? 'lab' : 'field';
    return { dir: null, cluster: null, preset, parameters: presets[preset], own: new Set() };
  }
  const { config, parameters } = readClusterFiles(dir);
  const { cluster, preset } = config;
  return { dir, cluster, preset, parameters, own: new Set(Object.keys(config.parameters)) };
};

const clusterDir = (context: Context): string | undefined => {
  try {
    return findCluster(context).dir;
  } catch (error) {
    if (error instanceof ClusterUnavailableError) return undefined;
    throw error;
  }
};

const sourceOf = (name: keyof Parameters, { preset, own }: Effective): Source => {
  if (own.has(name)) return 'isochron.json';
  return presets[preset][name] === fieldParameters[name] ? 'default' : 'preset';
};

const valueText = (value: unknown): string => {
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, part]) => `${name} ${valueText(part)}`)
    .join('; ');
};
