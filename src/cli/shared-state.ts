/**
 * What a control plane shares with others through etcd, beside the config: the instances that register, how new what
 * each replica serves is, and who is connected where.
 */
import { CONFIG_PREFIX } from "../config/etcd-documents.ts";
import { Registry } from "../config/registry.ts";
import type { SourceState } from "../config/source.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import type { Positions, Progress } from "../etcd/positions.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { RegistryProgress } from "../fleet/registry-progress.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { EtcdStateStore } from "../store/etcd-state-store.ts";
import type { ReplicaKeys } from "../store/replica-keys.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import { FleetBaseline } from "./fleet-baseline.ts";
import type { EtcdInput } from "./replica-standing.ts";
import { ReplicaStanding } from "./replica-standing.ts";
import { SharedHistory } from "./shared-history.ts";
import { ToldFleets } from "./told-fleets.ts";

/** The etcd that is shared. */
export interface SharedEtcd {
  readonly port: EtcdPort;
  /** What this replica has there. */
  readonly keys: ReplicaKeys;
  /** The config there, when some comes from there. */
  readonly config: EtcdInput | undefined;
}

export interface SharedStateOptions {
  readonly etcd: SharedEtcd;
  /** The keys there that secrets name. */
  readonly secrets: EtcdInput;
  /** The weights that were set. */
  readonly splits: EtcdInput;
  readonly clock: Clock;
  fleet(): Fleet;
  served(): ReadonlyMap<GroupName, Snapshot>;
  /** Those of the config. */
  groups(): ReadonlySet<string>;
  /** Whether everything that was handed on is built and decided. */
  isSettled(): boolean;
  /** Instances have come or gone. */
  onInstances(change: Pick<SourceState, "cause" | "noticedAtMs">): void;
  /** `positions` may be others than before. */
  onProgress(): void;
  /** How this replica stands to the others may have changed. */
  onStanding(): void;
  /** How a prefix of etcd is now; undefined when it is followed no more. */
  onContact(prefix: string, contact: Contact | undefined): void;
  onWarning(text: string): void;
  record(event: FairwayEvent): void;
}

/** How far what registered, and the config, has come. */
export interface RegistryPositions {
  readonly reached: Positions;
  /** Up to here all nodes have acknowledged it. */
  readonly acknowledged: Positions;
  /** How many nodes count for that. */
  readonly nodesCount: number;
  /** Where something registers and no service looks; undefined while that is not known. */
  readonly unnamed?: readonly string[] | undefined;
}

/** Starts at once; `close` ends it. */
export class SharedState {
  readonly registry: Registry;
  readonly replicas: ReplicaStanding;
  readonly fleets: ToldFleets;
  readonly history: SharedHistory;
  /** What the guard compares a first build with. */
  readonly baseline: FleetBaseline;
  /** What replicas share beside what they serve. */
  readonly store: StateStore;
  readonly #options: SharedStateOptions;
  readonly #progress = new RegistryProgress();

  constructor(options: SharedStateOptions) {
    const { clock } = options;
    const { port: etcd, keys, config } = options.etcd;
    this.#options = options;
    const reports = {
      clock,
      onContact: (prefix: string, contact: Contact | undefined) => options.onContact(prefix, contact),
      onWarning: (text: string) => options.onWarning(text),
    };
    this.registry = new Registry({
      etcd,
      ...reports,
      random: Math.random,
      onChange: (change) => options.onInstances(change),
      onStray: ({ refused, unnamed }) => {
        const atMs = clock.monotonicMs();
        for (const each of refused) options.record({ kind: "instance-refused", atMs, ...each });
        if (unnamed.length > 0) options.record({ kind: "instances-unnamed", atMs, prefixes: unnamed });
      },
      onReached: () => {
        options.onProgress();
        this.replicas.reached();
      },
    });
    this.replicas = new ReplicaStanding({
      etcd,
      ...reports,
      keys,
      inputs: [config, this.registry, options.secrets, options.splits].filter((input) => input !== undefined),
      isSettled: () => options.isSettled(),
      served: () => options.served(),
      groups: () => options.groups(),
      record: (event) => options.record(event),
      onChange: () => options.onStanding(),
    });
    this.fleets = new ToldFleets({
      etcd,
      keys,
      ...reports,
      fleet: () => options.fleet(),
      onReplicas: ({ joined, left }) => {
        const atMs = clock.monotonicMs();
        for (const replica of joined) options.record({ kind: "replica-joined", atMs, replica });
        for (const replica of left) options.record({ kind: "replica-left", atMs, replica });
      },
    });
    this.store = new EtcdStateStore({ etcd, clock, random: Math.random });
    const kept = { store: this.store, random: Math.random, onWarning: reports.onWarning };
    this.history = new SharedHistory({
      ...kept,
      isBehind: (group) => this.replicas.standing(group).kind === "lagging",
      keep: (snapshot) => this.baseline.keep(snapshot),
    });
    this.baseline = new FleetBaseline({
      ...kept,
      etcd,
      whole: (group, version) => this.history.whole(group, version),
    });
  }

  get positions(): RegistryPositions {
    const acknowledged = this.#progress.acknowledged(this.#options.fleet(), this.#options.served());
    // Of what registers and was not read yet nobody waits for an acknowledgement; of config that was not, everybody does.
    const registered = [...this.registry.reached].filter(([, revision]) => revision > 0);
    const reached = new Map([...registered, ...(this.#options.etcd.config?.reached ?? [])]);
    const nodesCount = this.#progress.countedNodes(this.#options.fleet(), this.#options.served());
    const { isComplete, strays } = this.registry;
    return { reached, acknowledged, nodesCount, unnamed: isComplete ? strays.unnamed.prefixes : undefined };
  }

  /** A build has ended well; how long it took decides how often there may be one. */
  built(build: {
    readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
    readonly buildMs: number;
    readonly etcd: Progress | undefined;
  }): void {
    this.registry.paceBy(build.buildMs);
    if (build.etcd === undefined) return;
    const { changed, reached } = build.etcd;
    const config = new Map([...changed].filter(([prefix]) => prefix === CONFIG_PREFIX));
    this.#progress.built(build.snapshots, { registry: reached, config });
  }

  /** What is to be served has been decided. */
  decided(): void {
    this.replicas.decided();
    this.fleets.changed();
    this.#options.onProgress();
  }

  /** Stops listening; the others still hear of the nodes that go. */
  closeInputs(): void {
    this.registry.close();
    this.replicas.close();
    this.history.close();
    this.baseline.close();
  }

  close(): void {
    this.fleets.close();
  }
}
