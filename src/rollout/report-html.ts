/**
 * The report of a rollout as one page that stands alone: it loads nothing and runs no script, which its security policy
 * holds browsers to, so it can be kept with a CI job or sent around.
 */
import { latencyChart } from "./report-chart-latency.ts";
import { errorChart, resultTones, weightChart } from "./report-charts.ts";
import { escapeMarkup } from "./report-escapes.ts";
import {
  auditTable,
  changeList,
  configParts,
  evidenceTable,
  routeTables,
  stepList,
  versionTable,
} from "./report-html-parts.ts";
import { reportPolicy, reportStyle } from "./report-style.ts";
import type { ChartWidth } from "./report-svg.ts";
import { shape } from "./report-svg.ts";
import { momentText, quantileText } from "./report-words.ts";
import type { RolloutReport } from "./report.ts";
import { showCount, showDuration, showPercent, showPromise } from "./show-figures.ts";

/** What the state of a rollout looks like. */
const stateTones: Readonly<Record<RolloutReport["headline"]["state"], string>> = {
  promoted: "good",
  "rolled-back": "bad",
  "rolling-back": "bad",
  aborted: "warn",
  superseded: "warn",
  paused: "warn",
  running: "idle",
};

const adviceTones = { promote: "good", hold: "warn", rollback: "bad" } as const;

/** The whole page, ending with a line break. */
export function reportHtml(report: RolloutReport): string {
  const { headline, versions, canary, baseline, evidence, audit, madeAt } = report;
  const title = escapeMarkup(headline.title);
  const both = [swatch("v1", baseline), swatch("v2", canary)];
  const parts = [
    topCard(report),
    tiles(report),
    card("Weights over time", [
      legend([
        swatch("good", "passed"),
        swatch("bad", "failed"),
        swatch("warn", "inconclusive"),
        swatch("ack", "all Envoys have acknowledged it"),
      ]),
      chart((width) => weightChart(report, width)),
    ]),
    card("Both versions", [versions === undefined ? "" : versionTable(versions, report)]),
    card("Routes", [routeTables(report)]),
    card("Errors in each step", [
      legend([...both, ...limitEntry(report), "thin lines: 95 % intervals"]),
      chart((width) => errorChart(report, width)),
    ]),
    card("How long requests took", [legend(both), chart((width) => latencyChart(report, width))]),
    card("Steps", [stepList(report)]),
    card("Evidence", [evidence === undefined ? "" : evidenceTable(evidence, report)]),
    card("Configuration", [configParts(report)]),
    card("What changed of the config", [changeList(report)]),
    card("Audit", [audit.length === 0 ? "" : auditTable(report)]),
    `<footer>Made by Fairway at ${momentText(madeAt)}. Times are UTC. This page loads nothing and runs no script.</footer>`,
  ];
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8"/>',
    `<meta http-equiv="Content-Security-Policy" content="${escapeMarkup(reportPolicy)}"/>`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    '<meta name="referrer" content="no-referrer"/>',
    `<title>${title}</title>`,
    `<style>${reportStyle}</style>`,
    "</head>",
    `<body><main>`,
    ...parts.filter((part) => part !== ""),
    "</main></body>",
    "</html>",
    "",
  ].join("\n");
}

function topCard({ id, headline, recommendation, cautions, startedBy, reason, startedAt }: RolloutReport): string {
  const same = recommendation.sentence === headline.sentence;
  const tone = stateTones[headline.state];
  return [
    `<header class="card top ${tone}">`,
    `<p class="eyebrow">Canary rollout ${escapeMarkup(id)}, started by ${escapeMarkup(startedBy)} at ${momentText(startedAt)}${reason === undefined ? "" : `: ${escapeMarkup(reason)}`}</p>`,
    `<h1>${escapeMarkup(headline.title)}</h1>`,
    `<p class="why">${escapeMarkup(headline.sentence)}</p>`,
    `<p class="advice"><span class="pill ${adviceTones[recommendation.kind]}">recommendation: ${recommendation.kind}</span>${same ? "" : ` ${escapeMarkup(recommendation.sentence)}`}</p>`,
    ...cautions.map((caution) => `<p class="caution">${escapeMarkup(caution)}</p>`),
    "</header>",
  ].join("\n");
}

function tiles(report: RolloutReport): string {
  const { versions, canary, baseline, tookMs, rollback, steps, endedAt } = report;
  const planned = steps.filter(({ kind }) => kind !== "promotion" && kind !== "rollback");
  const passed = planned.filter(({ result }) => resultTones[result] === "good").length;
  const alike = versions?.baselineAlike.errors ?? versions?.baseline.errors.share;
  const known = [
    ...(versions === undefined
      ? []
      : [
          tile(
            `errors of ${canary}`,
            showPercent(versions.canary.errors.share),
            `${baseline} ${showPercent(alike ?? 0)}`,
          ),
          tile(
            `p99 of ${canary}`,
            quantileText(versions.canary.latency?.p99) ?? "unknown",
            `${baseline} ${quantileText(versions.baseline.latency?.p99) ?? "unknown"}`,
          ),
          tile(
            `${versions.areCopies ? "mirrored " : ""}requests to ${canary}`,
            showCount(versions.canary.completed),
            `${baseline} ${showCount(versions.baseline.completed)}`,
          ),
        ]),
    rollback?.timeToSafeMs === undefined
      ? tile(
          endedAt === undefined ? "running for" : "took",
          showDuration(tookMs),
          `${passed} of ${planned.length} steps passed`,
        )
      : tile("time to safe", showDuration(rollback.timeToSafeMs), "decision to last Envoy"),
  ];
  return `<div class="tiles">${known.join("")}</div>`;
}

function tile(name: string, value: string, beside: string): string {
  return `<div class="tile"><span>${escapeMarkup(name)}</span><b>${escapeMarkup(value)}</b><span>${escapeMarkup(beside)}</span></div>`;
}

/** Nothing when none of it is known. */
function card(title: string, parts: readonly string[]): string {
  const [last = ""] = parts.slice(-1);
  return last === "" ? "" : `<section class="card"><h2>${title}</h2>\n${parts.join("\n")}\n</section>`;
}

/** Drawn for a desk and for a phone; the style shows one of them. */
function chart(draw: (width: ChartWidth) => string | undefined): string {
  const [wide, narrow] = [draw(720), draw(340)];
  if (wide === undefined || narrow === undefined) return "";
  return `<div class="chart wide">${wide}</div>\n<div class="chart narrow">${narrow}</div>`;
}

function legend(entries: readonly string[]): string {
  return `<ul class="legend">${entries.map((entry) => `<li>${entry}</li>`).join("")}</ul>`;
}

function limitEntry({ config }: RolloutReport): readonly string[] {
  const { objective } = config.plan.gates.errors;
  return objective === undefined ? [] : [swatch("limit", `${showPromise(1 - objective)} allowed`)];
}

function swatch(className: string, text: string): string {
  const drawn =
    className === "ack"
      ? shape("circle", className, { cx: 6, cy: 6, r: 4.5 })
      : className === "limit"
        ? shape("line", className, { x1: 0, x2: 12, y1: 6, y2: 6 })
        : shape("rect", className, { x: 0, y: 0, width: 12, height: 12, rx: 3 });
  return `<svg viewBox="0 0 12 12" aria-hidden="true">${drawn}</svg>${escapeMarkup(text)}`;
}
