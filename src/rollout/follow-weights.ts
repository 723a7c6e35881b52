/**
 * Weights that a rollout wants, from written to acknowledged by every connected Envoy.
 */
import type { LiveMirror } from "../model/live-weights.ts";
import { WHOLE, percentText } from "../model/live-weights.ts";
import type { Effect, Observed } from "./observed.ts";
import { named } from "./preflight.ts";
import type { RolloutRecord, StepRecord } from "./rollout-record.ts";
import type { Shares } from "./split-document.ts";

/** What a step wants of the split. */
export interface Wanted {
  readonly shares: Shares;
  /** Absent: no copies, and those that there are end with the same change. */
  readonly mirror?: LiveMirror | undefined;
}

/** As many as a person reads. */
const LAGGARDS_MAX = 20;

/** One is enough; more are a mistake of ours, which must not write without end. */
const WRITES_MAX = 5;

/** How far they are. */
export type Followed =
  /** Not written yet. */
  | { readonly kind: "unwritten"; readonly effect: Effect & { readonly kind: "set-weights" } }
  | { readonly kind: "waits"; readonly waitsFor: string; readonly laggards: StepRecord["laggards"] }
  /** All that are connected have them, and others may be back in a moment: that never takes long. */
  | { readonly kind: "missing"; readonly waitsFor: string; readonly laggards: StepRecord["laggards"] }
  /** No Envoy is connected, so nobody has them. */
  | { readonly kind: "alone"; readonly waitsFor: string; readonly laggards: StepRecord["laggards"] }
  | { readonly kind: "rejected"; readonly why: string; readonly laggards: StepRecord["laggards"] }
  | { readonly kind: "converged"; readonly nodesCount: number; readonly laggards: StepRecord["laggards"] };

/** As whom the engine changes a split, so that every replica knows the change for the rollout's own. */
export function actorOf({ id }: Pick<RolloutRecord, "id">): string {
  return `rollout ${id}`;
}

/** The weights with the canary at a share; the baseline has the rest. */
export function sharesAt({ plan, sharesBefore }: Pick<RolloutRecord, "plan" | "sharesBefore">, share: number): Shares {
  const names = Object.keys(sharesBefore);
  return Object.fromEntries(
    names.map((name) => [name, name === plan.canary ? share : name === plan.baseline ? WHOLE - share : 0]),
  );
}

/** Where the wanted weights are; `split.number` must be the rollout's own by now. */
export function followWeights(
  record: RolloutRecord,
  wanted: Wanted,
  { document, shares: inForce, standing }: NonNullable<Observed["split"]>,
  { missing = [], away = [] }: Pick<Observed, "missing" | "away">,
): Followed {
  // Not what is in force: a backend that the config has no more is never in force, however often it is written.
  const shares = document.shares ?? inForce;
  const isWritten =
    Object.entries(wanted.shares).every(([name, share]) => (shares[name] ?? 0) === share) &&
    wanted.mirror?.backend === document.mirror?.backend &&
    wanted.mirror?.share === document.mirror?.share;
  if (!isWritten) {
    const { phase } = record;
    if ("writes" in phase && (phase.writes ?? 0) >= WRITES_MAX) {
      return {
        kind: "waits",
        waitsFor: `weights that were written ${WRITES_MAX} times and are not kept`,
        laggards: [],
      };
    }
    const share = wanted.shares[record.plan.canary] ?? 0;
    const copies = wanted.mirror === undefined ? "" : `, ${percentText(wanted.mirror.share)} mirrored to it`;
    const reason = `${record.target}: ${record.plan.canary} ${percentText(share)}${copies}`;
    return { kind: "unwritten", effect: { kind: "set-weights", ...wanted, expected: document.number, reason } };
  }
  const laggards = standing.laggards.map(({ nodeId, state, reason }) => ({ node: nodeId, state, reason }));
  switch (standing.state) {
    case "applied":
      if (missing.length > 0) {
        return { kind: "missing", waitsFor: `${named(missing)} to connect again`, laggards: disconnected(missing) };
      }
      if (standing.acknowledgedCount === 0) {
        const waitsFor = away.length === 0 ? "an Envoy to connect" : `${named(away)} to connect again`;
        return { kind: "alone", waitsFor, laggards: disconnected(away) };
      }
      return { kind: "converged", nodesCount: standing.acknowledgedCount, laggards: disconnected(away) };
    case "rejected":
      return { kind: "rejected", why: laggardText(laggards, "rejected"), laggards };
    case "refused":
      return { kind: "waits", waitsFor: "a config that is not refused (see fairway check)", laggards };
    case "held":
      return { kind: "waits", waitsFor: "somebody to confirm what the guard holds (see fairway confirm)", laggards };
    case "pending": {
      const all = standing.acknowledgedCount + standing.pendingCount;
      const who = laggards.length === 0 ? "" : `: ${laggardText(laggards, "pending")}`;
      return { kind: "waits", waitsFor: `${standing.pendingCount} of ${all} Envoys${who}`, laggards };
    }
  }
}

function disconnected(nodes: readonly string[]): StepRecord["laggards"] {
  return nodes.slice(0, LAGGARDS_MAX).map((node) => ({ node, state: "disconnected" }));
}

function laggardText(laggards: StepRecord["laggards"], state: string): string {
  return laggards
    .filter((each) => each.state === state)
    .slice(0, 5)
    .map(({ node, reason }) => (reason === undefined ? node : `${node} (${reason})`))
    .join(", ");
}
