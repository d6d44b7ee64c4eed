/** What the command line itself can say no to: one class per distinct reaction, the same shape as everywhere (protocol/errors). */
import { IsochronError } from '../protocol/index.ts';
import { commandText } from './commandText.ts';

/** The command was called wrongly. Exit 2. */
export class UsageError extends IsochronError {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('USAGE', 400, message, options);
  }
}

/** A file is missing or not what it should be: one line naming file, field and what was expected. Exit 2. */
export class FileError extends IsochronError {
  constructor(file: string, field: string, expected: string, cause?: unknown) {
    super('FILE_INVALID', 400, field === '' ? `${file}: ${expected}` : `${file}: ${field}: ${expected}`, {
      cause,
      details: { file, field, expected },
    });
  }
}

/** Which cluster is meant cannot be told; `details.clusters` lists those that run. Exit 2. */
export class AmbiguousClusterError extends IsochronError {
  constructor(clusters: readonly string[]) {
    super(
      'CLUSTER_AMBIGUOUS',
      400,
      `${clusters.length} clusters are running; choose with --dir: ${clusters.join(', ')}`,
      {
        details: { clusters },
      },
    );
  }
}

/** Nothing to talk to: no cluster runs here, or the one meant does not. Exit 6. */
export class ClusterUnavailableError extends IsochronError {
  constructor(message: string) {
    super('CLUSTER_UNAVAILABLE', 503, message);
  }
}

/** An `<id>` that the cluster does not know. Exit 4. */
export class UnknownIdError extends IsochronError {
  constructor(id: string, known: readonly string[] = []) {
    const hint = known.length === 0 ? '' : `; known: ${known.join(', ')}`;
    super('UNKNOWN_ID', 404, `no '${id}' in this cluster${hint}`, { details: { id } });
  }
}

/** A cluster already runs in that directory; `details.pid` is who runs it. Exit 1. */
export class AlreadyRunningError extends IsochronError {
  constructor(dir: string, pid: number) {
    super(
      'ALREADY_RUNNING',
      409,
      `${dir} is already up, run by process ${pid}; stop it with: ${commandText(['down', '--dir', dir])}`,
      {
        details: { dir, pid },
      },
    );
  }
}

/** Everything reaches the cluster through its server: stopped, it could not be started again by anybody. Exit 7. */
export class ServerNeededError extends IsochronError {
  constructor(id: string) {
    super(
      'SERVER_NEEDED',
      403,
      `'${id}' cannot be stopped alone: everything reaches the cluster through it; use isochron down`,
      { details: { id } },
    );
  }
}

/** Something that was waited for did not come. Exit 5. */
export class WaitTimeoutError extends IsochronError {
  constructor(what: string, waitedMs: number) {
    super('WAIT_TIMEOUT', 504, `${what} within ${waitedMs} ms`, { details: { waitedMs } });
  }
}

/** No temporary directory can be made: what the environment names is none, or takes nothing. Exit 6. */
export class TemporaryFolderError extends IsochronError {
  constructor(folder: string, cause?: unknown) {
    super('TEMPORARY_FOLDER', 503, `${folder}: expected a folder for temporary files, as TMPDIR names it`, {
      cause,
      details: { folder },
    });
  }
}

/** `init` never overwrites. Exit 1. */
export class TargetNotEmptyError extends IsochronError {
  constructor(dir: string) {
    super('TARGET_NOT_EMPTY', 409, `${dir} is not empty; nothing was written`, { details: { dir } });
  }
}

/**
 * A cluster ended by itself: a node could not start, or `host` failed. The exit code of the node is kept: a bad file is
 * still a usage error (2), a full disk still unavailable (6).
 */
export class ClusterEndedError extends IsochronError {
  constructor(message: string, exitCode = 1) {
    super('CLUSTER_ENDED', 500, message, { details: { exitCode } });
  }
}
