/**
 * A plan as a comment of a pull request: what matters first, the rest folded.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import { byWeight, extensionText, fieldText, placeText, resourceText, signs } from "../snapshot/change-words.ts";
import type { PlannedChange } from "../snapshot/plan.ts";
import { printable } from "../telemetry/printable.ts";
import type { PlanReport, ReportedGroup } from "./plan-report.ts";
import { hasChanges } from "./plan-report.ts";
import type { PlanBounds } from "./plan-words.ts";
import { counted, effectTexts, groupsText, heldTexts, sentText, stepTexts, totals } from "./plan-words.ts";

/** GitHub takes comments of 65,536 characters. */
const LENGTH_MAX = 60_000;
const CUT = "\n\n… cut here, because a comment has an end; `fairway plan --all` shows everything.\n";

/** The whole comment, ending with a line break. */
export function planMarkdown(report: PlanReport, bounds: PlanBounds): string {
  const { added, changed, removed } = totals(report);
  const head = hasChanges(report)
    ? [
        "### fairway plan: changes",
        "",
        `**${added} added, ${changed} changed, ${removed} removed** in ${groupsText(report)}, compared with ${code(report.comparedWith)}.`,
      ]
    : ["### fairway plan: no changes", "", `Compared with ${code(report.comparedWith)}.`];
  const groups = report.groups.filter(({ changes, notes }) => changes.length + notes.length > 0);
  const lines = [
    ...head,
    ...bullets([...effectTexts(report), ...report.goneGroups.map(goneText)]),
    ...bullets([...new Set(groups.flatMap((group) => attention(group, report)))]),
    ...bullets(report.notes),
    ...foldedGroups(groups, bounds),
    ...warningLines(report.warnings, bounds),
  ];
  return cut(`${lines.join("\n")}\n`);
}

function goneText({ group, nodesCount = 0 }: PlanReport["goneGroups"][number]): string {
  return `group ${code(group)} leaves the config; ${counted(nodesCount, "nodes")} in it keep what they have`;
}

function bullets(texts: readonly string[]): readonly string[] {
  return texts.length === 0 ? [] : ["", ...texts.map((text) => `- ${text}`)];
}

/** What a reviewer must not overlook. */
function attention(group: ReportedGroup, { confirmCommand }: PlanReport): readonly string[] {
  const held = heldTexts(group, confirmCommand).map((text) => `:no_entry: group ${code(group.group)}: ${safe(text)}`);
  const marked = group.changes.flatMap((change) =>
    change.extensions.map(
      (extension) =>
        `:warning: ${code(resourceText(change))}: ${safe(extensionText(extension))} (${code(placeText(change.at))})`,
    ),
  );
  return [...held, ...marked.slice(0, 20)];
}

/** Groups in which the same happens are folded together. */
function foldedGroups(groups: readonly ReportedGroup[], bounds: PlanBounds): readonly string[] {
  const bodies = groups.map((group) => ({ group, body: bodyLines(group, bounds).join("\n") }));
  return [...Map.groupBy(bodies, ({ body }) => body)].flatMap(([body, same]) => {
    const count = same[0]?.group.changes.length ?? 0;
    return [
      "",
      `<details${count <= 10 ? " open" : ""}><summary>${same.map(({ group }) => summaryOf(group)).join("<br>")}</summary>`,
      "",
      body,
      "</details>",
    ];
  });
}

function summaryOf({ group, changes, bytes, nodesCount, from = "none", to }: ReportedGroup): string {
  const nodes = nodesCount === undefined ? "" : `, ${counted(nodesCount, "nodes")} connected`;
  return `group <b>${safe(group)}</b>: ${counted(changes.length, "changes")}, ${sentText(bytes)}${nodes} (${from} → ${to})`;
}

function bodyLines({ changes, notes, steps }: ReportedGroup, { changesMax, fieldsMax }: PlanBounds): readonly string[] {
  const sorted = byWeight(changes);
  const rest = sorted.length - changesMax;
  return [
    ...(notes.length === 0 ? [] : [...bullets(notes.map(safe)), ""]),
    ...(sorted.length === 0 ? [] : ["| | resource | what differs | what Envoys do |", "|---|---|---|---|"]),
    ...sorted.slice(0, changesMax).map((change) => row(change, fieldsMax)),
    ...(rest > 0 ? ["", `… and ${counted(rest, "changes")} more.`] : []),
    "",
    ...(steps.length === 0 ? [] : [`Order: ${stepTexts(steps).join(" · ")}`, ""]),
  ];
}

function row(change: PlannedChange, fieldsMax: number): string {
  const { kind, at, fields, effects, isConcealed } = change;
  const rest = fields.length - fieldsMax;
  const differs = [
    ...fields
      .slice(0, fieldsMax)
      .map((field) => `${code(fieldText(field))}${field.at === undefined ? "" : ` (${code(placeText(field.at))})`}`),
    ...(rest > 0 ? [`… and ${rest} more`] : []),
    ...(isConcealed ? ["a value that is not shown"] : []),
  ];
  const done = effects.map(({ weight, text }) => (weight === "disruptive" ? `**${safe(text)}**` : safe(text)));
  const name = `${code(resourceText(change))}<br>${code(placeText(at))}`;
  return `| ${signs[kind]} | ${name} | ${differs.join("<br>")} | ${done.join("<br>")} |`;
}

function warningLines(warnings: readonly Diagnostic[], { changesMax }: PlanBounds): readonly string[] {
  if (warnings.length === 0) return [];
  const rest = warnings.length - changesMax;
  const told = warnings
    .slice(0, changesMax)
    .map(({ code: which, message, at }) => `${code(placeText(at))} ${code(which)}: ${safe(message)}`);
  return [
    "",
    `**${counted(warnings.length, "new warnings")}**`,
    ...bullets([...told, ...(rest > 0 ? [`… and ${rest} more`] : [])]),
  ];
}

/** Names of others must neither end a code span or a cell nor mention anybody. */
function code(text: string): string {
  return `\`${printable(text).replaceAll("`", "'").replaceAll("|", "\\|")}\``;
}

/** Text around code spans; what is inside of one of ours stays. */
function safe(text: string): string {
  return printable(text)
    .split("`")
    .map((part, index) => (index % 2 === 1 ? code(part) : plain(part)))
    .join("");
}

function plain(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[|*_[\]@#]/g, "\\$&");
}

/** At the end of a line; what was folded open is closed. */
function cut(text: string): string {
  if (text.length <= LENGTH_MAX) return text;
  const kept = text.slice(0, text.lastIndexOf("\n", LENGTH_MAX));
  const isOpen = kept.lastIndexOf("<details") > kept.lastIndexOf("</details>");
  return `${kept}\n${isOpen ? "\n</details>" : ""}${CUT}`;
}
