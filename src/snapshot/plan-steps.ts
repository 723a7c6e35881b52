/**
 * In which steps a change would reach an Envoy; `xds/sequencer.ts` takes them.
 */
import type { TableDiff } from "./diff.ts";
import type { UpdatePolicy } from "./snapshot.ts";
import { resourceType, typeUrls } from "./type-url.ts";

/** How many of each type are sent or taken away. */
export interface PlanStep {
  readonly phase: "at-once" | "supply" | "switch" | "grace" | "remove";
  readonly counts: readonly { readonly typeUrl: string; readonly count: number }[];
  /** Of the grace only. */
  readonly waitMs?: number;
}

/** Those that have anything to do. */
export function planSteps(diffs: readonly TableDiff[], updates: UpdatePolicy): readonly PlanStep[] {
  const supply = diffs.filter(({ typeUrl }) => resourceType(typeUrl)?.role === "supply");
  const references = diffs.filter(({ typeUrl }) => resourceType(typeUrl)?.role === "reference");
  const sent = supply.map((diff) => ({ typeUrl: diff.typeUrl, count: diff.added.length + diff.changed.length }));
  const moved = references.map(({ typeUrl, added, changed, removed }) => ({
    typeUrl,
    count: added.length + changed.length + removed.length,
  }));
  if (diffs.length === 1 && diffs[0]?.typeUrl === typeUrls.endpoints)
    return steps([{ phase: "at-once", counts: sent }]);
  const gone = supply.map(({ typeUrl, removed }) => ({ typeUrl, count: removed.length }));
  const drains = references.some(
    ({ typeUrl, changed, removed }) => typeUrl === typeUrls.listener && changed.length + removed.length > 0,
  );
  const waitMs = drains ? Math.max(updates.graceMs, updates.drainMs) : updates.graceMs;
  const removes = gone.some(({ count }) => count > 0);
  return steps([
    { phase: "supply", counts: sent },
    { phase: "switch", counts: moved },
    ...(removes ? [{ phase: "grace", counts: [], waitMs } as const] : []),
    { phase: "remove", counts: gone },
  ]);
}

function steps(all: readonly PlanStep[]): readonly PlanStep[] {
  return all
    .map((step) => ({ ...step, counts: step.counts.filter(({ count }) => count > 0) }))
    .filter(({ phase, counts }) => phase === "grace" || counts.length > 0);
}
