/**
 * What a rollout makes of the answers of a Prometheus: what is missing in them, in words, and nothing when all is there.
 *
 * An answer that did not come, is wrong, is old, or is not of every connected Envoy is no evidence: it holds a canary, and
 * neither promotes it nor takes it back.
 */
import type { Observed } from "./observed.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import { hostOf } from "./report-config.ts";
import { showDuration } from "./show-figures.ts";

/** As many series as a person reads. */
const NAMED_MAX = 3;

/** Before anything is begun, in words that follow "waits for". */
export function missingFromPrometheus(record: RolloutRecord, seen: Observed): string | undefined {
  const why = whyNoEvidence(record, seen);
  if (why !== undefined) return `evidence of ${why}`;
  const { canary, fleet } = record.plan;
  const { healthyHostsMin } = fleet;
  const told = seriesOf(seen).map(([key, { canaryHealthyHosts }]) => ({ key, healthy: canaryHealthyHosts }));
  if (healthyHostsMin === 0) return undefined;
  if (told.every(({ healthy }) => healthy === undefined)) {
    return `word of healthy hosts of ${canary}: add evidence.prometheus.queries.healthyHosts, or say fleet: { healthyHosts: 0 }`;
  }
  const ill = told.filter(({ healthy = 0 }) => healthy < healthyHostsMin).map(({ key }) => key);
  if (ill.length === 0) return undefined;
  return `${healthyHostsMin === 1 ? "a healthy host" : `${healthyHostsMin} healthy hosts`} of ${canary} at ${named(ill)}`;
}

/** Undefined when there is evidence; begins with who does not give any. */
export function whyNoEvidence({ plan }: RolloutRecord, seen: Observed): string | undefined {
  const { prometheus, nodes, nowMs } = seen;
  if (plan.evidence === undefined) return undefined;
  const who = `Prometheus at ${hostOf(plan.evidence.url)}`;
  if (prometheus === undefined) return `${who}: it has not answered yet`;
  if (prometheus.kind === "nothing") return `${who}: ${prometheus.why}`;
  const { staleAfterMs } = plan.gates;
  const old = seriesOf(seen).filter(([, { reportedAtMs }]) => nowMs - reportedAtMs > staleAfterMs);
  if (old.length > 0) {
    const what = prometheus.isByEnvoy ? `has not scraped ${named(old.map(([key]) => key))}` : "gives the same numbers";
    return `${who}: it ${what} for more than ${showDuration(staleAfterMs)}`;
  }
  if (prometheus.isByEnvoy && prometheus.series.size < nodes.length) {
    return `${who}: it has ${prometheus.series.size} of the ${nodes.length} Envoys that are connected`;
  }
  return undefined;
}

function seriesOf({ prometheus }: Observed) {
  return prometheus?.kind === "answered" ? [...prometheus.series] : [];
}

function named(keys: readonly string[]): string {
  const more = keys.length - NAMED_MAX;
  return `${keys.slice(0, NAMED_MAX).join(" and ")}${more > 0 ? ` and ${more} more` : ""}`;
}
