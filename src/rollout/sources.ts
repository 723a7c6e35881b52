/**
 * By which source each Envoy of a rollout is counted: its reports by OpenTelemetry, its load reports, or Prometheus for all.
 *
 * OpenTelemetry comes first, because it has requests as users saw them, and how long they took. Load reports are for
 * Envoys without it. A node's source is fixed when its step begins to be measured, or when it first tells something in it,
 * because two sources count the same requests in two ways: their numbers are never put together. When the source of a node
 * falls silent and the other one speaks, the step is measured anew.
 */
import { changeStep } from "./change-record.ts";
import type { Gates } from "./gates.ts";
import type { NodeReport, Observed } from "./observed.ts";
import type { EvidenceSource, RolloutRecord, SourceCount } from "./rollout-record.ts";

/** As many names as a report shows. */
const NODES_MAX = 5;

/** The record with a source for each node that has none and has something to say now. */
export function withSources(record: RolloutRecord, seen: Observed): RolloutRecord {
  if (record.plan.evidence !== undefined) return byPrometheus(record, seen);
  const fresh = evidenceNodes(seen).flatMap((id) => {
    if (record.sources?.[id] !== undefined) return [];
    const source = sourceOf(id, record.plan.gates, seen);
    return source === undefined ? [] : [[id, source] as const];
  });
  if (fresh.length === 0) return record;
  const sources = { ...record.sources, ...Object.fromEntries(fresh) };
  return changeStep({ ...record, sources }, { sources: countSources(sources, seen) });
}

/** The record with the sources of its nodes as they are best now, and no others. */
export function chooseSources(record: RolloutRecord, seen: Observed): RolloutRecord {
  return withSources(changeStep({ ...record, sources: {} }, { sources: [] }), seen);
}

/** What a node can be counted by now; undefined when neither source has told anything of both versions lately. */
export function sourceOf(id: string, gates: Gates, seen: Observed): EvidenceSource | undefined {
  const { traffic, loads } = seen;
  if (isTold(traffic.get(id), gates, seen)) return "opentelemetry";
  // How long requests take is in no load report, so where that is asked about they are no evidence.
  if (gates.slow !== undefined || !isTold(loads?.get(id), gates, seen)) return undefined;
  return "load-reports";
}

/** Whether load reports are all that a node sends, whatever they may be used for. */
export function hasOnlyLoads(id: string, gates: Gates, seen: Observed): boolean {
  return !isTold(seen.traffic.get(id), gates, seen) && isTold(seen.loads?.get(id), gates, seen);
}

function isTold(report: NodeReport | undefined, { staleAfterMs }: Gates, { nowMs }: Observed): boolean {
  if (report === undefined || nowMs - report.reportedAtMs > staleAfterMs) return false;
  return report.canary !== undefined && report.baseline !== undefined;
}

/** How many series it has, told once for each number of them. */
function byPrometheus(record: RolloutRecord, { prometheus }: Observed): RolloutRecord {
  const nodesCount = prometheus?.kind === "answered" ? prometheus.series.size : 0;
  const step = record.steps.at(-1);
  const [told] = step?.sources ?? [];
  // While somebody is asked, what was measured before is watched, and nothing is measured.
  if (step?.measuredFromMs === undefined || nodesCount === 0 || told?.nodesCount === nodesCount) return record;
  return changeStep(record, { sources: [{ source: "prometheus", nodesCount, nodes: [] }] });
}

/** What each node last reported, by its source in this step. */
export function reportsOf(
  { sources, plan }: RolloutRecord,
  { traffic, loads, prometheus }: Observed,
): ReadonlyMap<string, NodeReport> {
  if (plan.evidence !== undefined) return prometheus?.kind === "answered" ? prometheus.series : new Map();
  const found = Object.entries(sources ?? {}).flatMap(([id, source]) => {
    const report = source === "load-reports" ? loads?.get(id) : traffic.get(id);
    return report === undefined ? [] : [[id, report] as const];
  });
  return new Map(found);
}

/** Connected nodes of which nothing was heard lately by their source. */
export function silentNodes(record: RolloutRecord, seen: Observed): readonly string[] {
  const reports = reportsOf(record, seen);
  const { staleAfterMs } = record.plan.gates;
  return seen.nodes
    .map(({ id }) => id)
    .filter((id) => seen.nowMs - (reports.get(id)?.reportedAtMs ?? -Infinity) > staleAfterMs);
}

/** Connected nodes of which nothing was heard lately by any source. */
export function unheardNodes(
  { nodes, traffic, loads, nowMs }: Pick<Observed, "nodes" | "traffic" | "loads" | "nowMs">,
  staleAfterMs: number,
): readonly string[] {
  return nodes
    .map(({ id }) => id)
    .filter((id) =>
      [traffic.get(id), loads?.get(id)].every((told) => nowMs - (told?.reportedAtMs ?? -Infinity) > staleAfterMs),
    );
}

/** Those of the silent that speak by another source than the one that this step counts them by. */
export function nodesElsewhere(record: RolloutRecord, seen: Observed): readonly string[] {
  if (record.plan.evidence !== undefined) return [];
  return silentNodes(record, seen).filter((id) => {
    const fixed = record.sources?.[id];
    const now = sourceOf(id, record.plan.gates, seen);
    return fixed !== undefined && now !== undefined && now !== fixed;
  });
}

/** Load reports are of whoever asks for them, so only those of the split's own nodes count. */
function evidenceNodes({ nodes, traffic }: Observed): readonly string[] {
  return [...new Set([...nodes.map(({ id }) => id), ...traffic.keys()])];
}

function countSources(sources: Readonly<Record<string, EvidenceSource>>, { nodes }: Observed): readonly SourceCount[] {
  const kinds: readonly EvidenceSource[] = ["opentelemetry", "load-reports"];
  return kinds.flatMap((source) => {
    const by = nodes.map(({ id }) => id).filter((id) => sources[id] === source);
    return by.length === 0 ? [] : [{ source, nodesCount: by.length, nodes: by.toSorted().slice(0, NODES_MAX) }];
  });
}

/** "12 by OpenTelemetry, 1 by load reports (edge-7)"; the names where there are others beside them. */
export function sourcesText(sources: readonly SourceCount[]): string {
  return sources
    .map(({ source, nodesCount, nodes }) => {
      const isRest = source === "load-reports" && nodes.length > 0;
      const more = nodesCount - nodes.length;
      const names = isRest ? ` (${nodes.join(", ")}${more > 0 ? ` and ${more} more` : ""})` : "";
      return `${nodesCount} by ${sourceWords[source]}${names}`;
    })
    .join(", ");
}

const sourceWords: Readonly<Record<EvidenceSource, string>> = {
  opentelemetry: "OpenTelemetry",
  "load-reports": "load reports",
  prometheus: "Prometheus",
};
