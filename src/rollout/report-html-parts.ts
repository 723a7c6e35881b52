/**
 * The tables and lists of a report's page.
 */
import { changeLines, changesSentence } from "./report-change-words.ts";
import { resultTones } from "./report-charts.ts";
import { escapeMarkup } from "./report-escapes.ts";
import type { ReportStep } from "./report-steps.ts";
import { shape } from "./report-svg.ts";
import { routeRows, routeText, routesNote, routesSentence } from "./report-routes.ts";
import {
  clockText,
  comparedRows,
  comparisonNote,
  likelierText,
  metricWords,
  momentText,
  observedText,
  planTexts,
  resultWords,
} from "./report-words.ts";
import type { ReportEvidence, RolloutReport, Versions } from "./report.ts";
import { showCount, showDuration, showPercent } from "./show-figures.ts";
import { sourcesText } from "./sources.ts";

export function versionTable(versions: Versions, report: RolloutReport): string {
  const rows = comparedRows(versions, report).map(({ name, baseline, canary }) => [
    escapeMarkup(name),
    withSmall(baseline),
    withSmall(canary),
  ]);
  return `${table(["", report.baseline, report.canary], rows)}<p class="note">${escapeMarkup(comparisonNote(report))}</p>`;
}

export function routeTables(report: RolloutReport): string {
  const { routes, canary, baseline } = report;
  const sentence = routesSentence(report);
  if (routes === undefined || sentence === undefined) return "";
  const tables = routes.worst.map((route) => {
    const rows = routeRows(route, report).map((row) => [
      escapeMarkup(row.name),
      withSmall(row.baseline),
      withSmall(row.canary),
    ]);
    return table([routeText(route), baseline, canary], rows);
  });
  const note = tables.length === 0 ? "" : `<p class="note">${escapeMarkup(routesNote)}</p>`;
  return `<p>${escapeMarkup(sentence)}</p>${tables.join("")}${note}`;
}

/** What stands in brackets is less important. */
function withSmall(text: string): string {
  const [, value = text, interval] = /^(.*?) (\(.*\))$/.exec(text) ?? [];
  return interval === undefined
    ? escapeMarkup(text)
    : `${escapeMarkup(value)} <small>${escapeMarkup(interval)}</small>`;
}

export function stepList(report: RolloutReport): string {
  return `<ol class="steps">${report.steps.map((step) => stepItem(step, report)).join("\n")}</ol>`;
}

function stepItem(step: ReportStep, { startedAt, canary, baseline }: RolloutReport): string {
  const { name, result, sentence, laggards, sources, traffic, ackMs, measuredMs, nodesCount } = step;
  const isOff = traffic?.split?.isAsConfigured === false;
  const errors = [
    { name: canary, version: traffic?.canary },
    { name: baseline, version: traffic?.baseline },
  ].flatMap(({ name: of, version }) =>
    version === undefined || version.completed === 0 ? [] : [`${of} ${showPercent(version.errors.share)}`],
  );
  const facts = [
    fact("began", step.startedAt === undefined ? undefined : clockText(step.startedAt, startedAt)),
    fact("acknowledged after", ackMs === undefined ? undefined : showDuration(ackMs)),
    fact("Envoys", nodesCount === 0 ? undefined : showCount(nodesCount)),
    fact("measured", measuredMs === undefined ? undefined : showDuration(measuredMs)),
    fact("counted", sources === undefined ? undefined : sourcesText(sources)),
    fact("observed share", observedText(step), isOff ? "warn" : undefined),
    fact("errors", errors.length === 0 ? undefined : errors.join(", ")),
  ].join("");
  const late = laggards.map(
    ({ node, state, reason }) =>
      `<li>${escapeMarkup(node)}: ${escapeMarkup(state)}${reason === undefined ? "" : `, ${escapeMarkup(reason)}`}</li>`,
  );
  return [
    `<li><div class="row"><b>${escapeMarkup(name)}</b> <span class="pill ${resultTones[result]}">${resultWords[result]}</span></div>`,
    facts === "" ? "" : `<dl class="facts">${facts}</dl>`,
    sentence === undefined ? "" : `<p>${escapeMarkup(sentence)}</p>`,
    late.length === 0 ? "" : `<ul class="plain">${late.join("")}</ul>`,
    "</li>",
  ].join("");
}

function fact(name: string, value: string | undefined, className?: string): string {
  if (value === undefined) return "";
  const marked = className === undefined ? "" : ` class="${className}"`;
  return `<div><dt>${name}</dt><dd${marked}>${escapeMarkup(value)}</dd></div>`;
}

export function evidenceTable({ judgedAt, metrics }: ReportEvidence, { canary, baseline }: RolloutReport): string {
  if (metrics.length === 0) return "";
  const rows = metrics.map(({ name, worse, worseLimit, safe, safeLimit, proof }) => [
    metricWords[name],
    `${likelierText(worse)} <small>fails at ${worseLimit}</small>${meter(worse, worseLimit, "bad")}`,
    `${likelierText(safe)} <small>proved at ${safeLimit}${proof === "objective" ? "; the objective is kept" : ""}</small>${meter(safe, safeLimit, "good")}`,
  ]);
  return `<p class="note">How many times more likely the data are, as judged at ${momentText(judgedAt)}.</p>${table(["", `if ${canary} is worse than ${baseline}`, "if it is safe"], rows)}`;
}

/** How far a likelihood ratio is from where it says nothing to where it decides. */
function meter(times: number, limit: number, tone: "good" | "bad"): string {
  const reached = Math.min(Math.max(Math.log(times) / Math.log(limit), 0), 1);
  const rail = shape("rect", "rail", { x: 0, y: 0, width: 100, height: 6 });
  const bar = shape("rect", tone, { x: 0, y: 0, width: 100 * reached, height: 6 });
  return `<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${rail}${bar}</svg>`;
}

export function configParts(report: RolloutReport): string {
  const { weightsBefore, weightsAfter } = report.config;
  const names = [...new Set([...Object.keys(weightsBefore), ...Object.keys(weightsAfter ?? {})])];
  const percent = (value: number | undefined) => (value === undefined ? "" : `${value} %`);
  const rows = names.map((name) => [
    escapeMarkup(name),
    percent(weightsBefore[name]),
    weightsAfter === undefined ? "set by somebody else since" : percent(weightsAfter[name]),
  ]);
  const plan = planTexts(report).map((line) => `<li>${escapeMarkup(line)}</li>`);
  return `${table(["weights", "before", "now"], rows)}<ul class="plain">${plan.join("")}</ul>`;
}

/** Empty when nothing is known of it. */
export function changeList(report: RolloutReport): string {
  const sentence = changesSentence(report);
  if (sentence === undefined) return "";
  const items = changeLines(report).map(({ text, details }) => {
    const below = details.map((detail) => `<li>${escapeMarkup(detail)}</li>`).join("");
    return `<li>${escapeMarkup(text)}${below === "" ? "" : `<ul class="plain">${below}</ul>`}</li>`;
  });
  return `<p>${escapeMarkup(sentence)}</p>${items.length === 0 ? "" : `<ul class="plain">${items.join("\n")}</ul>`}`;
}

export function auditTable({ audit, startedAt }: RolloutReport): string {
  const rows = audit.map(
    ({ at, actor, action, text }) =>
      `<tr><td>${clockText(at, startedAt)}</td><td>${escapeMarkup(actor)}</td><td><b>${escapeMarkup(action)}</b> ${escapeMarkup(text)}</td></tr>`,
  );
  return `<table class="audit"><tbody>${rows.join("")}</tbody></table>`;
}

/** Cells are markup already, heads are not. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const heads = head.map((name) => `<th scope="col">${escapeMarkup(name)}</th>`).join("");
  const body = rows.map(
    ([first = "", ...cells]) =>
      `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}
