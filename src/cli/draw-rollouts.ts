/**
 * Rollouts for a terminal, for whoever is woken by one: what it does, how it went, and what can be done now.
 */
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { isUndone } from "../rollout/rollout-record.ts";
import { sourcesText } from "../rollout/sources.ts";
import { printable } from "../telemetry/printable.ts";
import { serverFlag } from "./ask-server.ts";

/** One line each. */
export function drawRollouts(rollouts: readonly RolloutJson[]): string {
  if (rollouts.length === 0) return "there are no rollouts";
  const rows = rollouts.map(({ id, target, phase, outcome, weight, startedAt, startedBy }) => [
    id,
    printable(target),
    isUndone({ outcome }) ? "undone" : (outcome?.kind ?? phase),
    `${weight} %`,
    startedAt,
    `${printable(startedBy)} (unverified)`,
  ]);
  return table([["ROLLOUT", "TARGET", "PHASE", "WEIGHT", "STARTED", "BY"], ...rows]);
}

/** All about one. */
export function drawRollout(rollout: RolloutJson, server: string): string {
  const { id, target, sentence, startedAt, startedBy, reason, verdict, outcome } = rollout;
  const why = reason === undefined ? "" : `: ${printable(reason)}`;
  const took =
    outcome?.tookMs === undefined ? "" : ` (every Envoy had it after ${(outcome.tookMs / 1_000).toFixed(2)} s)`;
  return [
    `${id}  ${printable(target)}`,
    `  ${printable(sentence)}${took}`,
    `  started ${startedAt} by ${printable(startedBy)} (unverified)${why}`,
    ...(verdict === undefined || sentence.includes(verdict.sentence)
      ? []
      : [`  last verdict: ${printable(verdict.sentence)}`]),
    ...(rollout.steps.length === 0 ? [] : ["", indent(drawSteps(rollout))]),
    ...countedBy(rollout),
    ...nextCommands(rollout, server).map((command, index) => `${index === 0 ? "\n" : ""}  ${command}`),
  ].join("\n");
}

/** One line for each change that is seen while somebody waits. */
export function progressLine({ id, phase, step, stepsCount, weight, mirror, sentence }: RolloutJson): string {
  const what = mirror === undefined ? `${weight} %` : `mirror ${mirror} %`;
  const where = phase === "done" ? "" : ` [${step}/${stepsCount}, ${what}]`;
  return `${id}${where} ${printable(sentence)}`;
}

function drawSteps({ steps, sentence: now, verdict }: RolloutJson): string {
  // What is told above the table is not told again in it.
  const told = `${now}\n${verdict?.sentence ?? ""}`;
  const isTimed = steps.some(({ canary, baseline }) => canary.slow !== undefined || baseline.slow !== undefined);
  const rows = steps.map((step) => {
    const { kind, weight, mirror, convergedAt, nodesCount, canary, baseline, result, sentence = "" } = step;
    const isWanting = result === "failed" || result === "inconclusive";
    return [
      mirror === undefined ? kind : `${kind} ${mirror} %`,
      `${weight} %`,
      convergedAt === undefined ? "-" : `${nodesCount} in ${seconds(tookMs(step, convergedAt))}`,
      `${canary.completed}${mirror === undefined ? "" : " mirrored"} / ${baseline.completed}`,
      `${canary.errors} / ${baseline.errors}`,
      ...(isTimed ? [`${canary.slow ?? "-"} / ${baseline.slow ?? "-"}`] : []),
      result ?? "on",
      isWanting && !told.includes(sentence) ? printable(sentence) : "",
    ];
  });
  return table([
    ["STEP", "WEIGHT", "ENVOYS", "REQUESTS", "ERRORS", ...(isTimed ? ["SLOW"] : []), "RESULT", ""],
    ...rows,
  ]);
}

/** By what its Envoys were counted in the step that was measured last. */
function countedBy({ steps }: RolloutJson): readonly string[] {
  const sources = steps.findLast((step) => step.sources !== undefined)?.sources;
  return sources === undefined ? [] : [`  counted: ${printable(sourcesText(sources))}`];
}

/** An older server says no more than both moments. */
function tookMs({ acknowledgedAfterMs, startedAt }: RolloutJson["steps"][number], convergedAt: string): number {
  return acknowledgedAfterMs ?? Date.parse(convergedAt) - Date.parse(startedAt);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

/** Those that make sense now. */
function nextCommands({ phase, split, outcome, pausedBy, steps }: RolloutJson, server: string): readonly string[] {
  const command = (action: string, what: string) =>
    `fairway rollout ${action} ${split}${serverFlag(server)}   # ${what}`;
  switch (phase) {
    case "awaiting-approval":
      return [command("approve", "go on"), command("abort", "go back")];
    case "paused":
      return [
        command("resume", resumeWords(pausedBy, steps.at(-1)?.kind)),
        command("promote", "go on to the next step whatever was measured"),
        command("abort", "go back"),
      ];
    case "done":
      if (outcome?.kind === "promoted")
        return [command("undo", "take it back"), command("report", "what was measured")];
      return [command("retry", "the same once more"), command("report", "what was measured")];
    case "rolling-back":
      return [];
    default:
      return [
        command("watch", "until it is over"),
        command("pause", "keep these weights"),
        command("abort", "go back"),
      ];
  }
}

/** A person's pause is no verdict, so what was on goes on. */
function resumeWords(
  pausedBy: RolloutJson["pausedBy"],
  kind: RolloutJson["steps"][number]["kind"] | undefined,
): string {
  if (kind === "webhook") return "ask the webhook once more";
  return pausedBy === "engine" ? "measure this step once more" : "go on";
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
