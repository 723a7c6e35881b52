/**
 * The weights of a rollout over time, and the error rates of both versions in each step, as SVG.
 */
import type { RolloutReport } from "./report.ts";
import type { ReportStep, StepTraffic } from "./report-steps.ts";
import type { ChartWidth, Plot } from "./report-svg.ts";
import { drawing, label, levels, roundUp, scale, shape } from "./report-svg.ts";
import { isMeasured } from "./rollout-plan.ts";
import { showPercent, showPromise } from "./show-figures.ts";

/** What colours a step. */
export const resultTones: Readonly<Record<ReportStep["result"], "good" | "bad" | "warn" | "idle">> = {
  passed: "good",
  failed: "bad",
  inconclusive: "warn",
  running: "idle",
  skipped: "idle",
  ended: "idle",
  "not-reached": "idle",
};

/** Round spans of time, for marks. */
const SPANS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800,
].map((seconds) => seconds * 1_000);

/** The time after the end that is drawn, so that one sees where the weights have come to. */
const AFTER_SHARE = 0.06;

/** More groups of bars have no place on a phone. */
const GROUPS_MAX = 12;

/** The staircase; undefined when no step has begun. */
export function weightChart(report: RolloutReport, width: ChartWidth): string | undefined {
  const steps = timedSteps(report);
  if (steps.length === 0) return undefined;
  const height = 230;
  const plot: Plot = { left: 50, right: width - 10, top: 22, bottom: height - 28 };
  const spanMs = Math.max(report.tookMs, ...steps.map(({ toMs }) => toMs), 1_000);
  const shareMax =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1].find((max) => steps.every(({ step }) => step.share <= max)) ?? 1;
  const xOf = scale([0, spanMs * (1 + AFTER_SHARE)], [plot.left, plot.right]);
  const yOf = scale([0, shareMax], [plot.bottom, plot.top]);
  const ticks = [0, shareMax / 2, shareMax].map((value) => ({ value, text: showPromise(value) }));
  return drawing({ width, height, name: `The share of ${report.canary} over time` }, [
    ...levels(plot, ticks, yOf),
    ...timeMarks(spanMs, plot, xOf),
    ...steps.flatMap((each, index) => stepShapes(each, { before: steps[index - 1], xOf, yOf })),
    ...afterShapes(report, steps.at(-1)?.step.share ?? 0, { fromX: xOf(spanMs), toX: plot.right, yOf }),
    ...steps.flatMap(({ step, fromMs }) =>
      step.ackMs === undefined || step.kind === "approval" || step.kind === "webhook"
        ? []
        : [shape("circle", "ack", { cx: xOf(fromMs + step.ackMs), cy: yOf(step.share), r: 4.5 })],
    ),
  ]);
}

/** A step and when it was, in milliseconds since the start. */
interface TimedStep {
  readonly step: ReportStep;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Scales {
  readonly xOf: (ms: number) => number;
  readonly yOf: (share: number) => number;
}

function timedSteps({ steps, startedAt, tookMs }: RolloutReport): readonly TimedStep[] {
  const begun = steps.flatMap((step) =>
    step.startedAt === undefined ? [] : [{ step, fromMs: Date.parse(step.startedAt) - Date.parse(startedAt) }],
  );
  return begun.map((each, index) => ({
    ...each,
    // The weights stay until the next step has others.
    toMs: begun[index + 1]?.fromMs ?? Math.max(tookMs, each.fromMs + (each.step.tookMs ?? 0)),
  }));
}

function stepShapes(
  { step, fromMs, toMs }: TimedStep,
  { before, xOf, yOf }: Scales & { readonly before: TimedStep | undefined },
): readonly string[] {
  const tone = resultTones[step.result];
  const [x1, x2, y] = [xOf(fromMs), xOf(toMs), yOf(step.share)];
  const name = step.kind === "weight" || step.kind === "promotion" ? showPromise(step.share) : step.kind;
  const hasPlace = x2 - x1 > 7 * name.length + 4;
  return [
    shape("rect", `area ${tone}`, { x: x1, y, width: x2 - x1, height: yOf(0) - y }),
    shape("line", "rise", { x1, x2: x1, y1: yOf(before?.step.share ?? 0), y2: y }),
    shape("line", `tread ${tone}`, { x1, x2, y1: y, y2: y }),
    ...(hasPlace ? [label(name, { x: (x1 + x2) / 2 + 3, y: y - 8, className: "t strong" })] : []),
  ];
}

/** Where it has come to, when it is over. */
function afterShapes(
  { headline, endedAt }: RolloutReport,
  share: number,
  { fromX, toX, yOf }: { readonly fromX: number; readonly toX: number; readonly yOf: Scales["yOf"] },
): readonly string[] {
  if (endedAt === undefined) return [];
  const tone = headline.state === "promoted" ? "good" : headline.state === "rolled-back" ? "bad" : "idle";
  return [shape("line", `tread ended ${tone}`, { x1: fromX, x2: toX, y1: yOf(share), y2: yOf(share) })];
}

function timeMarks(spanMs: number, plot: Plot, xOf: Scales["xOf"]): readonly string[] {
  const countMax = (plot.right - plot.left) / 66;
  const everyMs = SPANS_MS.find((each) => spanMs / each <= countMax) ?? roundUp(spanMs / countMax);
  return Array.from({ length: Math.floor(spanMs / everyMs) + 1 }, (_, index) => {
    const ms = index * everyMs;
    const text = ms === 0 ? "start" : `+${markText(ms, everyMs)}`;
    return label(text, { x: xOf(ms), y: plot.bottom + 18, anchor: ms === 0 ? "start" : "middle" });
  });
}

/** "2:30" where marks are less than a minute apart, and else no more than tells them apart. */
function markText(ms: number, everyMs: number): string {
  const seconds = ms / 1_000;
  if (everyMs < 60_000) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (everyMs < 3_600_000) return `${Math.round(seconds / 60)} min`;
  return everyMs < 86_400_000 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** Bars with their intervals, step by step; undefined when nothing was measured. */
export function errorChart(report: RolloutReport, width: ChartWidth): string | undefined {
  const groups = report.steps
    .filter(isMeasured)
    .flatMap(({ name, traffic }) =>
      traffic === undefined || traffic.canary.completed === 0 ? [] : [{ name, traffic }],
    )
    .slice(-GROUPS_MAX);
  if (groups.length === 0) return undefined;
  const height = 230;
  const plot: Plot = { left: 58, right: width - 10, top: 22, bottom: height - 28 };
  const top = topOf(groups.map(({ traffic }) => traffic));
  const yOf = scale([0, top], [plot.bottom, plot.top]);
  const each = (plot.right - plot.left) / groups.length;
  const ticks = [0, top / 2, top].map((value) => ({ value, text: showPromise(value) }));
  const { objective } = report.config.plan.gates.errors;
  return drawing({ width, height, name: `Errors of ${report.baseline} and ${report.canary} in each step` }, [
    ...levels(plot, ticks, yOf),
    ...groups.flatMap(({ name, traffic }, index) => {
      const middle = plot.left + each * (index + 0.5);
      const place = { middle, top, barWidth: Math.min(each * 0.3, 44), isRoomy: each >= 100 };
      return [
        ...bar(traffic.baseline, "v1", -1, { ...place, yOf }),
        ...bar(traffic.canary, "v2", 1, { ...place, yOf }),
        label(each >= 70 ? `step ${name}` : (name.split(" ")[0] ?? ""), { x: middle, y: plot.bottom + 18 }),
      ];
    }),
    ...(objective === undefined || 1 - objective > top ? [] : limitLine(1 - objective, plot, yOf)),
  ]);
}

/** Few requests have wide intervals; those may be cut, so that the bars can be told apart. */
function topOf(groups: readonly StepTraffic[]): number {
  const of = (pick: (version: StepTraffic["canary"]) => number) =>
    Math.max(
      ...groups
        .flatMap(({ canary, baseline }) => [canary, baseline])
        .filter(({ completed }) => completed > 0)
        .map(pick),
    );
  const [upper, share] = [of(({ errors }) => errors.upper), of(({ errors }) => errors.share)];
  return Math.min(roundUp(share > 0 ? Math.min(upper, 4 * share) : upper), 1);
}

function bar(
  { completed, errors }: StepTraffic["canary"],
  className: "v1" | "v2",
  side: -1 | 1,
  { middle, top, barWidth, isRoomy, yOf }: BarPlace,
): readonly string[] {
  if (completed === 0) return [];
  const x = middle + side * (barWidth / 2 + 2);
  const [y, lower, upper] = [errors.share, errors.lower, errors.upper].map(yOf) as [number, number, number];
  const reach = Math.min(barWidth / 4, 6);
  // One that goes on above the plot has no end there.
  const end = errors.upper > top ? "" : `m${-reach} 0h${2 * reach}`;
  return [
    shape("rect", className, { x: x - barWidth / 2, y, width: barWidth, height: yOf(0) - y, rx: 2 }),
    shape("path", "whisker", {
      d: `M${x.toFixed(1)} ${lower.toFixed(1)}V${upper.toFixed(1)}${end}M${(x - reach).toFixed(1)} ${lower.toFixed(1)}h${2 * reach}`,
    }),
    ...(isRoomy ? [label(showPercent(errors.share), { x, y: upper - 7, className: "t strong" })] : []),
  ];
}

interface BarPlace {
  readonly middle: number;
  /** What the plot ends at. */
  readonly top: number;
  readonly barWidth: number;
  readonly isRoomy: boolean;
  readonly yOf: Scales["yOf"];
}

function limitLine(share: number, plot: Plot, yOf: Scales["yOf"]): readonly string[] {
  const y = yOf(share);
  return [shape("line", "limit", { x1: plot.left, x2: plot.right, y1: y, y2: y })];
}
