/** What `up` runs, whatever carries the bus: started, watched, stopped. */
import type { Log } from '../../actors/index.ts';
import type { Bus } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import type { TreeNode } from '../../protocol/index.ts';

export interface RunningCluster {
  readonly dir: string;
  readonly cluster: string;
  /** `nats://host:port`; null on the in-memory bus. */
  readonly nats: string | null;
  /** Validators first. */
  readonly nodes: readonly string[];
  /** Speaks as `host`. */
  readonly bus: Bus;
  /** `host`'s own log. */
  readonly log: Log;
  /** What `host` supervises, now. */
  tree(): TreeNode;
  /** Resolves when every node has been up. */
  readonly started: Promise<void>;
  /** Resolves with the reason when a node could not start the first time; the rest then still runs. */
  readonly failed: Promise<ExitReason>;
  /** Resolves with the reason when the whole tree has ended. */
  readonly ended: Promise<ExitReason>;
  /** Nodes first, then their server; resolves when all are gone and logs are written. */
  stop(): Promise<void>;
}
