/**
 * How long the requests to both versions took, as SVG: the share of each bucket, and below it the quantiles.
 *
 * Buckets are drawn as wide as each other, which is about logarithmic, as Envoy's ladder is.
 */
import type { LatencyHistogram, Quantile } from "../evidence/latency-histogram.ts";
import { answeredCount, mergeHistograms } from "../evidence/latency-histogram.ts";
import type { LatencyReport } from "./compare-versions.ts";
import type { RolloutReport, VersionReported } from "./report.ts";
import type { ChartWidth, Plot } from "./report-svg.ts";
import { drawing, label, levels, roundUp, scale, shape, shortName } from "./report-svg.ts";
import { showDuration, showPromise } from "./show-figures.ts";

/** Of both versions, or of one when only that was measured; undefined when neither was. */
export function latencyChart(report: RolloutReport, width: ChartWidth): string | undefined {
  const { versions } = report;
  const measured = [
    { name: report.baseline, className: "v1", version: versions?.baseline },
    { name: report.canary, className: "v2", version: versions?.canary },
  ].flatMap(({ version, ...named }) => seriesOf(version, named));
  const all = mergeHistograms(measured.map(({ histogram }) => histogram));
  if (all === undefined) return undefined;
  const shown = shownBuckets(all);
  const height = 246 + 34 * measured.length;
  const plot: Plot = { left: 58, right: width - 14, top: 22, bottom: 210 };
  const xOf = scale([0, shown.edges.length - 1], [plot.left, plot.right]);
  const shares = measured.map((series) => ({ ...series, shares: sharesOf(series.histogram, shown) }));
  const top = Math.min(roundUp(Math.max(...shares.flatMap((series) => series.shares))), 1);
  const yOf = scale([0, top], [plot.bottom, plot.top]);
  const ticks = [0, top / 2, top].map((value) => ({ value, text: showPromise(value) }));
  return drawing({ width, height, name: `How long requests to ${report.baseline} and ${report.canary} took` }, [
    ...levels(plot, ticks, yOf),
    ...shares.map((series) => shape("path", `spread ${series.className}`, { d: outline(series.shares, xOf, yOf) })),
    ...edgeLabels(shown, plot, xOf),
    ...thresholdLine(report, { shown, plot, xOf }),
    ...measured.flatMap((series, index) =>
      quantileRow(series, { y: plot.bottom + 62 + 34 * index, positionOf: (ms) => xOf(positionOf(ms, shown)) }),
    ),
  ]);
}

interface Series {
  readonly name: string;
  readonly className: string;
  readonly histogram: LatencyHistogram;
  readonly latency: LatencyReport;
}

/** The edges around the buckets that anything is in, from nought or an edge to an edge or nowhere. */
interface Shown {
  readonly edges: readonly number[];
  readonly common: readonly number[];
}

function seriesOf(
  version: VersionReported | undefined,
  named: { readonly name: string; readonly className: string },
): readonly Series[] {
  const { histogram, latency } = version ?? {};
  return histogram === undefined || latency === undefined ? [] : [{ ...named, histogram, latency }];
}

function shownBuckets({ edgesMs, counts }: LatencyHistogram): Shown {
  const edges = [0, ...edgesMs, Infinity];
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  return { edges: edges.slice(first, last + 2), common: edgesMs };
}

/** Of each bucket that is shown; a version may be counted in finer ones. */
function sharesOf(histogram: LatencyHistogram, { edges, common }: Shown): readonly number[] {
  const answered = answeredCount(histogram);
  const merged = mergeHistograms([histogram, { edgesMs: common, counts: common.map(() => 0), sumMs: 0 }]);
  const uppers = [...(merged?.edgesMs ?? []), Infinity];
  return edges.slice(1).map((edge) => (merged?.counts[uppers.indexOf(edge)] ?? 0) / answered);
}

/** Steps along the buckets, closed at the bottom. */
function outline(shares: readonly number[], xOf: (at: number) => number, yOf: (share: number) => number): string {
  const steps = shares.map((share, index) => `V${yOf(share).toFixed(1)}H${xOf(index + 1).toFixed(1)}`);
  return `M${xOf(0).toFixed(1)} ${yOf(0).toFixed(1)}${steps.join("")}V${yOf(0).toFixed(1)}Z`;
}

function edgeLabels({ edges }: Shown, plot: Plot, xOf: (at: number) => number): readonly string[] {
  const each = (plot.right - plot.left) / Math.max(edges.length - 1, 1);
  const every = Math.max(Math.ceil(52 / each), 1);
  return edges.flatMap((edge, at) =>
    at % every === 0 && edge !== Infinity
      ? [
          shape("line", "axis", { x1: xOf(at), x2: xOf(at), y1: plot.bottom, y2: plot.bottom + 4 }),
          label(edge === 0 ? "0" : showDuration(edge), { x: xOf(at), y: plot.bottom + 18 }),
        ]
      : [],
  );
}

/** Where a time is among the edges. */
function positionOf({ ms, isAbove }: Quantile, { edges }: Shown): number {
  const end = edges.length - 1;
  const at = edges.findIndex((edge) => edge >= ms);
  if (isAbove || at === -1) return end;
  const [from, to] = [edges[at - 1] ?? 0, edges[at] ?? 0];
  return at === 0 ? 0 : to === Infinity ? at : at - 1 + (ms - from) / (to - from);
}

function thresholdLine(
  { config }: RolloutReport,
  { shown, plot, xOf }: { readonly shown: Shown; readonly plot: Plot; readonly xOf: (at: number) => number },
): readonly string[] {
  const { slow } = config.plan.gates;
  const at = slow === undefined ? -1 : shown.edges.indexOf(slow.thresholdMs);
  if (at <= 0) return [];
  const x = xOf(at);
  const isFar = x > (plot.left + plot.right) / 2;
  return [
    shape("line", "limit", { x1: x, x2: x, y1: plot.top, y2: plot.bottom }),
    label("slow from here", { x: isFar ? x - 6 : x + 6, y: plot.top + 4, anchor: isFar ? "end" : "start" }),
  ];
}

/** Dots at the quantiles, with their names moved apart where they would meet. */
function quantileRow(
  { name, className, latency }: Series,
  { y, positionOf: xOf }: { readonly y: number; readonly positionOf: (quantile: Quantile) => number },
): readonly string[] {
  const { p50, p95, p99 } = latency;
  const [first, middle, last] = [p50, p95, p99].map(xOf) as [number, number, number];
  const gap = 27;
  const names = [
    { text: "p50", x: Math.min(first, middle - gap) },
    { text: "p95", x: middle },
    { text: "p99", x: Math.max(last, middle + gap) },
  ];
  return [
    label(shortName(name), { x: 2, y: y + 4, anchor: "start", className: "t strong" }),
    shape("line", `reach ${className}`, { x1: first, x2: last, y1: y, y2: y }),
    ...[first, middle, last].map((x) => shape("circle", className, { cx: x, cy: y, r: 4.5 })),
    ...names.map(({ text, x }) => label(text, { x, y: y - 9 })),
  ];
}
