/**
 * Before the first request goes to a canary: every connected Envoy reports, and sees the canary healthy.
 */
import { changeStep, inPhase, noted } from "./change-record.ts";
import type { Observed } from "./observed.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { Phase, RolloutRecord } from "./rollout-record.ts";

/** As many names as a person reads. */
const NAMED_MAX = 5;

/** Waits, goes on with `begin`, or pauses when it waits for too long. */
export function preflight(
  record: RolloutRecord,
  phase: Phase & { readonly kind: "preflight" },
  seen: Observed,
  begin: (record: RolloutRecord, seen: Observed) => RolloutRecord,
): RolloutRecord {
  const missing = missingFor(record, seen);
  if (missing === undefined) return begin(record, seen);
  if (seen.nowMs < phase.sinceMs + record.plan.fleet.ackTimeoutMs) {
    return phase.waitsFor === missing ? record : inPhase(record, { ...phase, waitsFor: missing });
  }
  const why = `Nothing was begun: it waits for ${missing}.`;
  const verdict = { kind: "inconclusive" as const, reason: "preflight", sentence: why, metrics: [], atMs: seen.nowMs };
  const paused = inPhase(changeStep({ ...record, verdict }, {}), {
    kind: "paused",
    sinceMs: seen.nowMs,
    why,
    by: "engine",
  });
  return noted(paused, seen.nowMs, "paused", why);
}

/** What is not there yet, in words that follow "waits for". */
function missingFor({ plan }: RolloutRecord, seen: Observed): string | undefined {
  if (seen.nodes.length === 0) return `an Envoy of split ${plan.split} to connect`;
  const silent = silentNodes(seen, plan.gates.staleAfterMs);
  if (silent.length > 0) {
    return `reports of ${named(silent)}, whose bootstrap may have no statistics sink (see fairway bootstrap)`;
  }
  const { healthyHostsMin } = plan.fleet;
  const untold = seen.nodes.filter(({ id }) => seen.traffic.get(id)?.canaryHealthyHosts === undefined);
  if (untold.length === seen.nodes.length && healthyHostsMin > 0) {
    return `reports about ${plan.canary}; Envoys report services that are no subsets with bootstrap --all-traffic-reports`;
  }
  return missingHosts(plan, seen);
}

/** Envoys that do not see the canary healthy, in words that follow "waits for". */
export function missingHosts({ fleet, canary }: RolloutPlan, { nodes, traffic }: Observed): string | undefined {
  const { healthyHostsMin } = fleet;
  const ill = nodes.filter(({ id }) => (traffic.get(id)?.canaryHealthyHosts ?? 0) < healthyHostsMin);
  if (ill.length === 0) return undefined;
  const hosts = healthyHostsMin === 1 ? "a healthy host" : `${healthyHostsMin} healthy hosts`;
  return `${hosts} of ${canary} at ${named(ill.map(({ id }) => id))}`;
}

/** Connected Envoys of which nothing was heard lately. */
export function silentNodes(
  { nodes, traffic, nowMs }: Pick<Observed, "nodes" | "traffic" | "nowMs">,
  staleAfterMs: number,
): readonly string[] {
  return nodes.map(({ id }) => id).filter((id) => nowMs - (traffic.get(id)?.reportedAtMs ?? -Infinity) > staleAfterMs);
}

export function named(ids: readonly string[]): string {
  const more = ids.length - NAMED_MAX;
  return `${ids.slice(0, NAMED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
