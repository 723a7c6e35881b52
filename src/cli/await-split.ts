/**
 * Waits until every Envoy that is connected, or was before a restart, has acknowledged a change of a split's weights.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { SplitJson } from "../admin/split-schema.ts";
import { systemClock } from "../support/clock.ts";

const ASK_EACH_MS = 100;

/** Envoy acknowledges from its main thread; its workers switch a moment after that. */
const SETTLE_MS = 100;

/** What came of the wait. */
export interface AwaitedSplit {
  /** As it was last; undefined when it is gone. */
  readonly split: SplitJson | undefined;
  readonly problem?: { readonly code: "conflict" | "notConverged"; readonly message: string };
}

/** `ask` gives the split as it is now. */
export async function awaitSplit(
  set: SplitJson,
  { timeoutMs, ask }: { readonly timeoutMs: number; readonly ask: () => Promise<unknown> },
): Promise<AwaitedSplit> {
  const endsAtMs = systemClock.monotonicMs() + timeoutMs;
  for (let split = set; ;) {
    if (split.number !== set.number) return { split, problem: { code: "conflict", message: overtaken(split) } };
    if (split.state === "applied") {
      await pause(SETTLE_MS);
      return { split };
    }
    if (split.state === "rejected") return { split, problem: { code: "notConverged", message: rejected(split) } };
    if (systemClock.monotonicMs() >= endsAtMs)
      return { split, problem: { code: "notConverged", message: late(split, timeoutMs) } };
    await pause(ASK_EACH_MS);
    const now = (await ask()) as Partial<SplitJson> | undefined;
    if (typeof now?.number !== "number") {
      return { split, problem: { code: "conflict", message: `the config has no split ${set.name} any more` } };
    }
    split = now as SplitJson;
  }
}

function overtaken({ name, lastChange }: SplitJson): string {
  const by = lastChange === undefined ? "" : ` by ${lastChange.actor}`;
  return `${name} was changed again${by} before every Envoy had this`;
}

function rejected(split: SplitJson): string {
  return `${split.rejectedCount} of ${membersOf(split)} Envoys refuse it: ${laggardsText(split)}`;
}

function late(split: SplitJson, timeoutMs: number): string {
  const after = `after ${timeoutMs / 1_000} s`;
  const { state, name, awaited = [] } = split;
  if (state === "refused") return `${name} is set and not served ${after}: the config is refused, see fairway check`;
  if (state === "held") return `${name} is set and not served ${after}: the guard holds a change, see fairway confirm`;
  if (split.pendingCount === 0 && awaited.length > 0) {
    return `${awaited.join(", ")} ${awaited.length === 1 ? "was" : "were"} connected before, and not again ${after}`;
  }
  return `${split.pendingCount} of ${membersOf(split)} Envoys do not have it ${after}: ${laggardsText(split)}`;
}

function laggardsText({ laggards }: SplitJson): string {
  return laggards.map(({ node, reason }) => (reason === undefined ? node : `${node} (${reason})`)).join(", ");
}

function membersOf({ acknowledgedCount, pendingCount, rejectedCount }: SplitJson): number {
  return acknowledgedCount + pendingCount + rejectedCount;
}
