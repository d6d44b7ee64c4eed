/** What must hold in every run, each with the promise it guards. A broken one names the node, the time and the seed. */
import type { TraceEntry, TraceWatcher } from './trace.ts';

export interface Violation {
  readonly promise: string;
  readonly entry: TraceEntry;
}

export type Report = (violation: Violation) => void;
export type Invariant = (report: Report) => TraceWatcher;

/** No two heads are accepted in one term (decision 5). */
export const oneHeadATerm: Invariant = (report) => {
  const heads = new Map<number, string>();
  return (entry) => {
    const head = acceptedHead(entry);
    if (head === undefined) return;
    const known = heads.get(head.term);
    if (known === undefined) heads.set(head.term, head.name);
    else if (known !== head.name)
      report({ promise: `one head a term: ${known} and ${head.name} in ${head.term}`, entry });
  };
};

const acceptedHead = (entry: TraceEntry): { readonly name: string; readonly term: number } | undefined => {
  if (entry.type === 'head') return entry.value ?? undefined;
  if (entry.type !== 'clock' || entry.value.head === null) return undefined;
  return { name: entry.value.head, term: entry.value.term };
};

const neverBack =
  (what: 'epoch' | 'term'): Invariant =>
  (report) => {
    const highest = new Map<string, number>();
    return (entry) => {
      if (entry.type !== 'clock') return;
      const known = highest.get(entry.node) ?? 0;
      const value = entry.value[what];
      if (value < known) report({ promise: `${what}s never go back: ${known} then ${value}`, entry });
      highest.set(entry.node, Math.max(known, value));
    };
  };

/** Epochs never go back on any node, restarts included (decision 2). */
export const epochsNeverGoBack = neverBack('epoch');
/** Terms are stored before use: a restarted node remembers them (decision 5). */
export const termsNeverGoBack = neverBack('term');

/** Synchronised nodes that follow the same head are within the tolerance of each other (T3). */
export const followersAgree =
  (toleranceEpochs: number): Invariant =>
  (report) => {
    const latest = new Map<string, { readonly epoch: number; readonly term: number }>();
    return (entry) => {
      if (entry.type === 'fault') latest.delete(entry.node);
      if (entry.type !== 'clock') return;
      const { epoch, term, synchronized } = entry.value;
      if (!synchronized) {
        latest.delete(entry.node);
        return;
      }
      latest.set(entry.node, { epoch, term });
      for (const [node, other] of latest) {
        if (other.term === term && Math.abs(other.epoch - epoch) > toleranceEpochs) {
          report({ promise: `followers agree: ${entry.node} ${epoch}, ${node} ${other.epoch}`, entry });
        }
      }
    };
  };
