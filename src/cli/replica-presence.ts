/**
 * What this Fairway says of itself in etcd, kept up to date while it runs: see `fleet/replica-record.ts`.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { LeasedKey } from "../etcd/leased-key.ts";
import { REPLICAS_PREFIX, replicaRecord } from "../fleet/replica-record.ts";
import type { Clock } from "../support/clock.ts";
import type { RegistryPositions } from "./shared-state.ts";

/** A replica that is gone holds up whoever waits for it no longer than this. */
const TTL_SECONDS = 10;
/** Who waits for a drain does not notice; etcd has ten small writes a second at most. */
const GAP_MS = 100;

export interface PresenceOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  /** Where the admin API listens. */
  readonly admin: string;
  readonly onWarning: (text: string) => void;
  readonly read: () => RegistryPositions;
}

/** Starts at once. */
export class ReplicaPresence {
  readonly #options: PresenceOptions;
  readonly #startedAtMs: number;
  readonly #key: LeasedKey;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PresenceOptions) {
    const { etcd, clock, onWarning } = options;
    this.#options = options;
    this.#startedAtMs = clock.nowMs();
    // Of each start its own: until the lease of one that was killed ends, its Envoys are on their way to others.
    const id = `${hostname()}-${randomBytes(4).toString("hex")}`;
    this.#key = new LeasedKey({
      etcd,
      key: `${REPLICAS_PREFIX}${id}`,
      ttlSeconds: TTL_SECONDS,
      clock,
      random: Math.random,
      gapMs: GAP_MS,
      onContact: (contact) => {
        if (contact.kind === "lost") onWarning(`nobody sees in etcd what this replica has: ${contact.reason}`);
      },
    });
    this.#write();
  }

  /** Something may be another than before. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, GAP_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#key.close();
  }

  #write(): void {
    const { admin, read } = this.#options;
    const { reached, acknowledged } = read();
    this.#key.set(JSON.stringify(replicaRecord({ startedAtMs: this.#startedAtMs, admin }, reached, acknowledged)));
  }
}
