/**
 * The report of a rollout as JUnit XML, which CI systems show as tests: a case for each step, and one for how it ended,
 * so that a rollout that went back is red also when no step failed.
 */
import { unreachable } from "../support/assert.ts";
import type { RolloutReport } from "./report.ts";
import { changeLines, changesSentence } from "./report-change-words.ts";
import { escapeMarkup } from "./report-escapes.ts";
import type { ReportStep } from "./report-steps.ts";
import { routeLines, routesSentence } from "./report-routes.ts";
import { laggardsText, resultWords } from "./report-words.ts";
import { showDuration } from "./show-figures.ts";

interface TestCase {
  readonly name: string;
  readonly tookMs: number;
  readonly kind: "passed" | "failure" | "skipped";
  readonly message: string;
  /** What a reader gets who opens it. */
  readonly lines: readonly string[];
}

/** The whole document, ending with a line break. */
export function reportJunit(report: RolloutReport): string {
  const { split, target, id, startedAt, tookMs } = report;
  const cases = [...report.steps.map(stepCase), outcomeCase(report)];
  const count = (kind: TestCase["kind"]) => cases.filter((each) => each.kind === kind).length;
  const counts = `tests="${cases.length}" failures="${count("failure")}" errors="0" skipped="${count("skipped")}" time="${seconds(tookMs)}"`;
  const name = escapeMarkup(`rollout of ${target} on ${split}`);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="fairway" ${counts}>`,
    `  <testsuite name="${name}" id="${escapeMarkup(id)}" timestamp="${startedAt.slice(0, 19)}" ${counts}>`,
    ...cases.flatMap((each) => caseLines(each, `rollout.${split}`)),
    ...changedLines(report),
    "  </testsuite>",
    "</testsuites>",
  ];
  return `${lines.join("\n")}\n`;
}

function caseLines({ name, tookMs, kind, message, lines }: TestCase, suite: string): readonly string[] {
  const head = `    <testcase classname="${escapeMarkup(suite)}" name="${escapeMarkup(name)}" time="${seconds(tookMs)}"`;
  const said = lines.map(escapeMarkup).join("\n");
  switch (kind) {
    case "failure":
      return [`${head}>`, `      <failure message="${escapeMarkup(message)}">${said}</failure>`, "    </testcase>"];
    case "skipped":
      return [`${head}>`, `      <skipped message="${escapeMarkup(message)}"/>`, "    </testcase>"];
    case "passed":
      return said === "" ? [`${head}/>`] : [`${head}>`, `      <system-out>${said}</system-out>`, "    </testcase>"];
    default:
      return unreachable(kind);
  }
}

/** What changed of the config is of the suite, and of none of its cases. */
function changedLines(report: RolloutReport): readonly string[] {
  const sentence = changesSentence(report);
  if (sentence === undefined) return [];
  const lines = changeLines(report).flatMap(({ text, details }) => [text, ...details.map((detail) => `- ${detail}`)]);
  return [`    <system-out>${[sentence, ...lines].map(escapeMarkup).join("\n")}</system-out>`];
}

function stepCase(step: ReportStep): TestCase {
  const { name, result, sentence, tookMs = 0 } = step;
  const late = laggardsText(step);
  const lines = [sentence ?? "", late === "" ? "" : `Envoys: ${late}`].filter((line) => line !== "");
  const kind = result === "passed" ? "passed" : result === "failed" ? "failure" : "skipped";
  return { name: `step ${name}`, tookMs, kind, lines, message: sentence ?? resultWords[result] };
}

function outcomeCase(report: RolloutReport): TestCase {
  const { headline, tookMs, rollback } = report;
  const { state, title, sentence } = headline;
  const isOpen = state === "running" || state === "paused";
  const kind = state === "promoted" ? "passed" : isOpen ? "skipped" : "failure";
  const safeMs = rollback?.timeToSafeMs;
  const safe = safeMs === undefined ? [] : [`Time to safe: ${showDuration(safeMs)}.`];
  const said = [routesSentence(report) ?? [], routeLines(report)].flat();
  return { name: "outcome", tookMs, kind, message: title, lines: [sentence, ...safe, ...said] };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
