/**
 * What this Fairway says of itself in etcd, kept up to date while it runs: see `fleet/replica-record.ts`.
 */
import { REPLICAS_PREFIX, replicaRecord } from "../fleet/replica-record.ts";
import type { ReplicaKey, ReplicaKeys } from "../store/replica-keys.ts";
import type { Clock } from "../support/clock.ts";
import type { RegistryPositions } from "./shared-state.ts";

/** Who waits for a drain does not notice; etcd has ten small writes a second at most. */
const GAP_MS = 100;

export interface PresenceOptions {
  /** What this replica has in etcd. */
  readonly keys: ReplicaKeys;
  readonly clock: Clock;
  /** Where the admin API listens. */
  readonly admin: string;
  readonly read: () => RegistryPositions;
}

/** Starts at once. */
export class ReplicaPresence {
  readonly #options: PresenceOptions;
  readonly #startedAtMs: number;
  readonly #key: ReplicaKey;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
    this.#key = options.keys.open(REPLICAS_PREFIX, { gapMs: GAP_MS });
    this.#write();
  }

  /** Something may be another than before. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, GAP_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #write(): void {
    const { admin, read } = this.#options;
    const { reached, acknowledged, nodesCount, unnamed } = read();
    const self = { startedAtMs: this.#startedAtMs, admin, nodesCount, ...(unnamed && { unnamed: [...unnamed] }) };
    const record = replicaRecord(self, reached, acknowledged);
    this.#key.set(Buffer.from(JSON.stringify(record)));
  }
}
