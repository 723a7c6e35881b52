/**
 * What rollouts are given of a running control plane, without one: an Envoy that has at once what is set, and splits that
 * share requests of the same two versions.
 */
import type { RolloutPort } from "../../src/cli/rollout-port.ts";
import { sharesOf } from "../../src/model/live-weights.ts";
import { changeSplit, liveOf } from "../../src/rollout/change-split.ts";
import { untouchedSplit } from "../../src/rollout/split-document.ts";
import { err, ok } from "../../src/support/result.ts";
import { place } from "./build-intent.ts";

const splitOf = (name: string) => ({
  name,
  at: place(),
  backends: [
    { name: "stable", at: place(), service: "shop", subset: "v1", weight: 100 },
    { name: "canary", at: place(), service: "shop", subset: "v2", weight: 0 },
  ],
  onLeaseExpiry: "keep" as const,
});

const copying = { isPossible: true, mirroredAt: {} };

/** Each change is a version of its own. */
export class RolloutWorld {
  isWritable = true;
  readonly #splits: readonly ReturnType<typeof splitOf>[];
  readonly #documents = new Map<string, typeof untouchedSplit>();

  constructor(names: readonly string[] = ["shop"]) {
    this.#splits = names.map(splitOf);
  }

  port(): RolloutPort {
    const standing = (split: ReturnType<typeof splitOf>) => {
      const document = this.#of(split.name);
      return {
        ...{ split, groups: ["edge"], copying, servedNumber: document.number, document, state: "applied" as const },
        ...{ acknowledgedCount: 1, pendingCount: 0, rejectedCount: 0, laggards: [] },
      };
    };
    const counted = { completed: 0, errors: 0, healthyHosts: 1, totalHosts: 1 };
    const clusters = new Map(["shop|v1", "shop|v2"].map((name) => [name, counted]));
    return {
      isServing: () => true,
      hasCopies: () => false,
      takeBack: async () => ok(undefined),
      isConfigInForce: () => true,
      lookAgain: () => undefined,
      splits: () => this.#splits.map(standing),
      served: () =>
        this.#splits.map((split) => ({
          ...{ ...split, groups: ["edge"], copying, liveNumber: this.#of(split.name).number, rules: [] },
        })),
      changeSplit: async (name, asked) => {
        if (!this.isWritable) return err({ kind: "unavailable", message: "the disk is full" });
        const changed = changeSplit(splitOf(name), this.#of(name), asked, Date.now());
        if (changed.ok) this.#documents.set(name, changed.value);
        return changed.ok ? ok(changed.value) : changed;
      },
      nodes: () => [{ id: "edge-1" }],
      versions: (groups) => Object.fromEntries(groups.map((group) => [group, this.version()])),
      traffic: { read: () => [{ nodeId: "edge-1", reportedAtMs: Date.now(), clusters }] },
      loads: { read: () => [] },
      routes: { readRoutes: () => [], watch: () => undefined },
      watchSplits: () => undefined,
    };
  }

  /** As a version is: equal weights give the same. */
  version(): string {
    const shares = this.#splits.map((split) => sharesOf(split, liveOf(split.name, this.#of(split.name))));
    return shares.map((each) => JSON.stringify(each)).join();
  }

  #of(name: string): typeof untouchedSplit {
    return this.#documents.get(name) ?? untouchedSplit;
  }
}
