/**
 * An etcd as a bare client sees it: writes, and the moment at which a plain watch tells of them.
 */
import { EtcdClient } from "../src/etcd/etcd-client.ts";
import type { Change } from "../src/etcd/etcd-port.ts";
import { systemClock } from "../src/support/clock.ts";

/** The shortest that etcd grants with its usual election timeout of a second. */
const LEASE_SECONDS = 2;

export class WatchedEtcd {
  readonly #client: EtcdClient;
  #awaited: { readonly key: string; resolve(atMs: number): void } | undefined;

  private constructor(client: EtcdClient) {
    this.#client = client;
  }

  static async open(of: { readonly etcd: string; readonly prefix: string }): Promise<WatchedEtcd> {
    const etcd = new WatchedEtcd(new EtcdClient({ endpoints: [of.etcd], clock: systemClock }));
    const { revision } = await etcd.#client.list(of.prefix);
    etcd.#client.watch(of.prefix, revision + 1, {
      changed: (changes) => etcd.#take(changes),
      heard: () => undefined,
      ended: (reason) => {
        throw new Error(`the bare watch ended: ${reason}`);
      },
    });
    return etcd;
  }

  /** The moment of the next event about this key. */
  next(key: string): Promise<number> {
    return new Promise((resolve) => (this.#awaited = { key, resolve }));
  }

  async write(key: string, value: string | undefined): Promise<void> {
    const write = value === undefined ? ({ kind: "delete", key } as const) : putOf(key, value);
    await this.#client.transact([], [write]);
  }

  /** Under a lease that nobody keeps alive. */
  async writeLeased(key: string, value: string): Promise<void> {
    const leaseId = await this.#client.grantLease(LEASE_SECONDS);
    await this.#client.transact([], [{ ...putOf(key, value), leaseId }]);
  }

  #take(changes: readonly Change[]): void {
    const awaited = this.#awaited;
    const keyOf = (change: Change) => (change.kind === "put" ? change.entry.key : change.key);
    if (awaited === undefined || !changes.some((change) => keyOf(change) === awaited.key)) return;
    this.#awaited = undefined;
    awaited.resolve(performance.now());
  }
}

function putOf(key: string, value: string) {
  return { kind: "put", key, value: Buffer.from(value) } as const;
}
