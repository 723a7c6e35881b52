/**
 * Before the first request goes to a canary: every connected Envoy reports, and sees the canary healthy.
 */
import { changeStep, inPhase, noted } from "./change-record.ts";
import type { Observed } from "./observed.ts";
import { missingFromPrometheus } from "./prometheus-evidence.ts";
import type { EvidenceSource, Phase, RolloutRecord } from "./rollout-record.ts";
import { hasOnlyLoads, sourceOf } from "./sources.ts";

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
export function missingFor(record: RolloutRecord, seen: Observed): string | undefined {
  const { plan } = record;
  const { gates, split } = plan;
  if (seen.nodes.length === 0) return `an Envoy of split ${split} to connect`;
  const refusing = seen.split?.standing.state === "rejected" ? seen.split.standing.laggards : [];
  // Otherwise what they refused before would be blamed on the canary.
  const refused = refusing.filter(({ state }) => state === "rejected");
  if (refused.length > 0) {
    const why = refused[0]?.reason === undefined ? "" : `: ${refused[0].reason}`;
    return `${named(refused.map(({ nodeId }) => nodeId))} to take what was refused before the rollout${why}`;
  }
  if (plan.evidence !== undefined) return missingFromPrometheus(record, seen);
  const ids = seen.nodes.map(({ id }) => id);
  const sources = new Map(ids.map((id) => [id, sourceOf(id, gates, seen)]));
  const loadsOnly = ids.filter((id) => hasOnlyLoads(id, gates, seen));
  if (gates.slow !== undefined && loadsOnly.length > 0) {
    return `word of how long requests take at ${named(loadsOnly)}: load reports have none, so leave out gates.latency, or start them with a bootstrap without --no-traffic-reports`;
  }
  const silent = ids.filter((id) => sources.get(id) === undefined && isSilent(id, plan, seen));
  if (silent.length > 0) {
    return `reports of ${named(silent)}, whose bootstrap may have no statistics sink (see fairway bootstrap)`;
  }
  return missingHosts(plan, seen, sources);
}

/** Envoys that do not see the canary healthy, in words that follow "waits for". */
export function missingHosts(
  { canary, fleet: { healthyHostsMin } }: RolloutRecord["plan"],
  seen: Observed,
  sources: ReadonlyMap<string, EvidenceSource | undefined>,
): string | undefined {
  const hosts = healthyHostsMin === 1 ? "a healthy host" : `${healthyHostsMin} healthy hosts`;
  const told = seen.nodes.map(({ id }) => ({ id, healthy: seen.traffic.get(id)?.canaryHealthyHosts }));
  if (told.every(({ healthy }) => healthy === undefined) && healthyHostsMin > 0) {
    return [...sources.values()].includes("load-reports")
      ? `word of ${hosts} of ${canary}: load reports have none, so see to it yourself and say fleet: { healthyHosts: 0 }`
      : `reports about ${canary}; Envoys report services that are no subsets with bootstrap --all-traffic-reports`;
  }
  // Where others see the canary healthy, an Envoy that cannot tell is believed to see it as well.
  const ill = told.filter(({ id, healthy = 0 }) => sources.get(id) !== "load-reports" && healthy < healthyHostsMin);
  return ill.length === 0 ? undefined : `${hosts} of ${canary} at ${named(ill.map(({ id }) => id))}`;
}

/** One that reports, and says nothing of one of the versions, is told so by its hosts. */
function isSilent(id: string, { gates }: RolloutRecord["plan"], { traffic, nowMs }: Observed): boolean {
  return nowMs - (traffic.get(id)?.reportedAtMs ?? -Infinity) > gates.staleAfterMs;
}

export function named(ids: readonly string[]): string {
  const more = ids.length - NAMED_MAX;
  return `${ids.slice(0, NAMED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
