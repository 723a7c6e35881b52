/**
 * The report of a rollout for the summary of a CI job or a comment: what became of it first, the rest in short tables,
 * the long parts folded. GitHub's Markdown.
 */
import type { RolloutReport } from "./report.ts";
import { changeLines, changesSentence } from "./report-change-words.ts";
import { escapeMarkdown } from "./report-escapes.ts";
import type { ReportStep } from "./report-steps.ts";
import { routeRows, routeText, routesNote, routesSentence } from "./report-routes.ts";
import {
  clockText,
  comparedRows,
  comparisonNote,
  laggardsText,
  likelierText,
  metricWords,
  momentText,
  observedText,
  planTexts,
  resultWords,
  weightsText,
} from "./report-words.ts";
import { showDuration, showPercent } from "./show-figures.ts";
import { sourcesText } from "./sources.ts";

/** Of the audit, as many as somebody reads; the JSON has all. */
const AUDIT_MAX = 30;

/** Envoys answer with long texts. */
const TEXT_MAX = 600;

/** The whole report, ending with a line break. */
export function reportMarkdown(report: RolloutReport): string {
  const { headline, recommendation, cautions } = report;
  const lines = [
    `### ${text(headline.title)}`,
    "",
    text(headline.sentence),
    "",
    `**Recommendation: ${recommendation.kind}.** ${recommendation.sentence === headline.sentence ? "" : text(recommendation.sentence)}`.trimEnd(),
    ...(cautions.length === 0 ? [] : ["", ...cautions.map((caution) => `> ${text(caution)}`)]),
    "",
    factsLine(report),
    ...versionLines(report),
    ...routeTable(report),
    ...stepLines(report),
    ...evidenceLines(report),
    ...configLines(report),
    ...changedLines(report),
    ...auditLines(report),
  ];
  return `${lines.join("\n")}\n`;
}

function factsLine(report: RolloutReport): string {
  const { id, startedBy, reason, startedAt, endedAt, tookMs, rollback } = report;
  const ended = endedAt === undefined ? `, running for ${showDuration(tookMs)}` : `, took ${showDuration(tookMs)}`;
  const safe =
    rollback?.timeToSafeMs === undefined
      ? ""
      : ` Time to safe: **${showDuration(rollback.timeToSafeMs)}**, from the decision to the last Envoy.`;
  const why = reason === undefined ? "" : `: ${text(reason)}`;
  return `Rollout ${text(id)}, started by ${text(startedBy)} at ${momentText(startedAt)}${why}${ended}.${safe}`;
}

function versionLines(report: RolloutReport): readonly string[] {
  if (report.versions === undefined) return [];
  return [
    "",
    ...table(
      ["", text(report.baseline), text(report.canary)],
      comparedRows(report.versions, report).map(({ name, baseline, canary }) => [text(name), baseline, canary]),
    ),
    "",
    text(comparisonNote(report)),
  ];
}

function routeTable(report: RolloutReport): readonly string[] {
  const { routes, canary, baseline } = report;
  const sentence = routesSentence(report);
  if (routes === undefined || sentence === undefined) return [];
  const said = ["", "**Routes.** ".concat(text(sentence))];
  if (routes.worst.length === 0) return said;
  const rows = routes.worst.flatMap((route) => [
    [`**${text(routeText(route))}**`, "", ""],
    ...routeRows(route, report).map((row) => [text(row.name), row.baseline, row.canary]),
  ]);
  return [...said, "", ...table(["route", text(baseline), text(canary)], rows), "", text(routesNote)];
}

function stepLines({ steps, startedAt, canary }: RolloutReport): readonly string[] {
  const rows = steps.map((step) => [
    text(step.name),
    step.startedAt === undefined ? "" : clockText(step.startedAt, startedAt),
    step.ackMs === undefined ? "" : showDuration(step.ackMs),
    step.measuredMs === undefined ? "" : showDuration(step.measuredMs),
    observedText(step) ?? "",
    step.traffic === undefined || step.traffic.canary.completed === 0
      ? ""
      : showPercent(step.traffic.canary.errors.share),
    step.result === "failed" ? `**${resultWords[step.result]}**` : resultWords[step.result],
  ]);
  const said = steps.flatMap(saidOf);
  return [
    "",
    ...table(
      [
        "step",
        "began (UTC)",
        "acknowledged after",
        "measured",
        "observed share",
        `errors of ${text(canary)}`,
        "result",
      ],
      rows,
    ),
    ...(said.length === 0 ? [] : ["", ...folded("What was said of the steps", said)]),
  ];
}

function saidOf(step: ReportStep): readonly string[] {
  const { name, sentence, laggards, sources } = step;
  return [
    ...(sentence === undefined ? [] : [`- ${text(name)}: ${text(sentence)}`]),
    ...(sources === undefined ? [] : [`- ${text(name)}, counted: ${text(sourcesText(sources))}`]),
    ...(laggards.length === 0 ? [] : [`- ${text(name)}, Envoys: ${text(laggardsText(step))}`]),
  ];
}

function evidenceLines({ evidence, canary, baseline }: RolloutReport): readonly string[] {
  if (evidence === undefined || evidence.metrics.length === 0) return [];
  const rows = evidence.metrics.map(({ name, worse, worseLimit, safe, safeLimit, proof }) => [
    metricWords[name],
    `${likelierText(worse)} (fails at ${worseLimit})`,
    `${likelierText(safe)} (proved at ${safeLimit}${proof === "objective" ? "; the objective is kept" : ""})`,
  ]);
  return [
    "",
    ...table(["the data are more likely", `if ${text(canary)} is worse than ${text(baseline)}`, "if it is safe"], rows),
  ];
}

function configLines(report: RolloutReport): readonly string[] {
  const { weightsBefore, weightsAfter } = report.config;
  const after = weightsAfter === undefined ? "set by somebody else since" : weightsText(weightsAfter);
  const plan = planTexts(report).map((line) => `- ${text(line)}`);
  return [
    "",
    `Weights: ${text(weightsText(weightsBefore))} before, now ${text(after)}.`,
    "",
    ...folded("The plan", plan),
  ];
}

function changedLines(report: RolloutReport): readonly string[] {
  const sentence = changesSentence(report);
  if (sentence === undefined) return [];
  const lines = changeLines(report).flatMap(({ text: line, details }) => [
    `- ${text(line)}`,
    ...details.map((detail) => `  - ${text(detail)}`),
  ]);
  return ["", text(sentence), ...(lines.length === 0 ? [] : ["", ...folded("What changed of the config", lines)])];
}

function auditLines({ audit, startedAt }: RolloutReport): readonly string[] {
  if (audit.length === 0) return [];
  const rest = audit.length - AUDIT_MAX;
  const lines = audit
    .slice(-AUDIT_MAX)
    .map(
      ({ at, actor, action, text: said }) =>
        `- ${clockText(at, startedAt)} ${text(actor)}: ${text(action)}${said === "" ? "" : `, ${text(said)}`}`,
    );
  return ["", ...folded("Audit", [...(rest > 0 ? [`- … ${rest} before`] : []), ...lines])];
}

function folded(summary: string, lines: readonly string[]): readonly string[] {
  return [`<details><summary>${summary}</summary>`, "", ...lines, "", "</details>"];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map((_cell, index) => (index === 0 ? "---" : "---:")).join("|")}|`, ...rows.map(line)];
}

function text(raw: string): string {
  return escapeMarkdown(raw.length > TEXT_MAX ? `${raw.slice(0, TEXT_MAX)}…` : raw);
}
