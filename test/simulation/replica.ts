/**
 * One control plane of the world: what it has published, what it remembers, and what its streams share.
 *
 * Replicas read the same configs, one earlier than the other, and tell each other nothing.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import type { Snapshot, TypeTable } from "../../src/snapshot/snapshot.ts";
import { present } from "../../src/support/assert.ts";
import type { SharedResponses } from "../../src/xds/shared-responses.ts";
import type { Rejections } from "../../src/xds/stream-state.ts";
import { buildSnapshot } from "../support/build-snapshot.ts";
import type { Machine } from "./machine.ts";
import type { SimConfig } from "./config-changes.ts";

/** How a group's changes are rolled in here: short, so that every wait happens within a run. */
export const updates = { graceMs: 2_000, deadlineMs: 16_000, onDeadline: "hold", drainMs: 8_000 } as const;

/** What all replicas have in common. */
export interface ReplicaOptions {
  readonly machine: Machine;
  /** How long every resource is, when that matters. */
  readonly bodyBytes: number | undefined;
  readonly hostsOnDemand: boolean;
}

/** One group as one replica knows it. */
interface GroupHistory {
  /** Newest first. */
  snapshots: Snapshot[];
  config: SimConfig;
}

export class Replica {
  readonly index: number;
  readonly #groups: GroupHistory[] = [];
  readonly #cache = new Map<string, Resource>();
  readonly #machine: Machine;
  readonly #bodyBytes: number | undefined;
  readonly #hostsOnDemand: boolean;
  #rejections = new Map<string, Rejections>();
  #shared: SharedResponses;

  constructor(index: number, options: ReplicaOptions) {
    const { machine, bodyBytes } = options;
    this.index = index;
    this.#bodyBytes = bodyBytes;
    this.#hostsOnDemand = options.hostsOnDemand;
    this.#machine = machine;
    this.#shared = machine.createSharedResponses();
  }

  /** What its streams have in common. */
  get shared(): SharedResponses {
    return this.#shared;
  }

  /** A build shares unchanged resources with the one before, or starts anew. */
  publish(group: number, config: SimConfig, build: "shared" | "anew"): Snapshot {
    const cache = build === "shared" ? this.#cache : new Map<string, Resource>();
    const snapshot = buildSnapshot(
      {
        ...config,
        group: `g${group}`,
        updates,
        hostsOnDemand: this.#hostsOnDemand,
        ...(this.#bodyBytes === undefined ? {} : { bodyBytes: this.#bodyBytes }),
      },
      cache,
    );
    const history = this.#groups[group];
    if (history === undefined) this.#groups[group] = { snapshots: [snapshot], config };
    else {
      history.snapshots.unshift(snapshot);
      history.config = config;
    }
    return snapshot;
  }

  /** Forgets what nodes rejected, and perhaps all but its newest snapshots. */
  restart(memory: "known" | "forgotten"): void {
    this.#rejections = new Map();
    this.#shared = this.#machine.createSharedResponses();
    if (memory === "known") return;
    for (const group of this.#groups) group.snapshots = group.snapshots.slice(0, 1);
  }

  /** The config that the group is to have here. */
  config(group: number): SimConfig {
    return this.#group(group).config;
  }

  snapshot(group: number): Snapshot {
    return present(this.#group(group).snapshots[0], "the first config is published at once");
  }

  /** Newest first. */
  history(group: number): readonly Snapshot[] {
    return this.#group(group).snapshots;
  }

  earlier(group: number, typeUrl: string): readonly TypeTable[] {
    return this.#group(group).snapshots.flatMap((snapshot) => snapshot.tables.get(typeUrl) ?? []);
  }

  rejectionsOf(nodeId: string): Rejections {
    let rejections = this.#rejections.get(nodeId);
    if (rejections === undefined) this.#rejections.set(nodeId, (rejections = new Map()));
    return rejections;
  }

  #group(group: number): GroupHistory {
    return present(this.#groups[group], "every group is published at the start");
  }
}
