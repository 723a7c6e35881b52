/**
 * A plan for a terminal or a log: for each group what changes, what Envoys do then, and the lines that cause it.
 */
import { drawDiagnostic } from "../model/draw-diagnostic.ts";
import { byWeight, extensionText, fieldText, placeText, resourceText, signs } from "../snapshot/change-words.ts";
import type { PlannedChange } from "../snapshot/plan.ts";
import { printableDrawing } from "../telemetry/printable.ts";
import type { PlanReport, ReportedGroup } from "./plan-report.ts";
import { hasChanges } from "./plan-report.ts";
import type { PlanBounds } from "./plan-words.ts";
import { counted, effectTexts, groupTitle, groupsText, heldTexts, stepTexts, totals } from "./plan-words.ts";

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
type Paint = (style: keyof typeof codes, text: string) => string;

const styles = { added: "green", changed: "yellow", removed: "red" } as const;

/** Several lines without a trailing line break. */
export function drawPlan(report: PlanReport, bounds: PlanBounds, options: { readonly colour: boolean }): string {
  const paint: Paint = (style, text) => (options.colour ? `\u001B[${codes[style]}m${text}\u001B[0m` : text);
  const lines = [
    ...groupLines(report, bounds, paint),
    ...report.goneGroups.map(({ group, nodesCount = 0 }) =>
      paint("red", `group ${group} leaves the config; ${counted(nodesCount, "nodes")} in it keep what they have`),
    ),
    ...warningLines(report, bounds, options.colour),
    ...report.notes.map((note) => `${paint("cyan", "note")}: ${note}`),
    paint("bold", summary(report)),
  ];
  return printableDrawing(lines.join("\n"));
}

/** Groups in which the same happens are told once. */
function groupLines(report: PlanReport, bounds: PlanBounds, paint: Paint): readonly string[] {
  const drawn = report.groups
    .filter(({ changes, notes }) => changes.length + notes.length > 0)
    .map((group) => ({ group, body: bodyLines(group, report, { bounds, paint }).join("\n") }));
  return [...Map.groupBy(drawn, ({ body }) => body)].flatMap(([body, same]) => [
    ...same.map(({ group }) => `${paint("bold", `group ${group.group}`)}: ${groupTitle(group)}`),
    ...(body === "" ? [] : [body]),
    "",
  ]);
}

function bodyLines(
  group: ReportedGroup,
  { confirmCommand }: PlanReport,
  { bounds, paint }: { readonly bounds: PlanBounds; readonly paint: Paint },
): readonly string[] {
  const changes = byWeight(group.changes);
  const shown = changes.slice(0, bounds.changesMax);
  const rest = changes.length - shown.length;
  return [
    ...group.notes.map((note) => `  ${paint("cyan", "note")}: ${note}`),
    ...heldTexts(group, confirmCommand).map((text) => `  ${paint("red", "held")}: ${text}`),
    ...shown.flatMap((change) => changeLines(change, bounds, paint)),
    ...(rest > 0 ? [`  … and ${counted(rest, "changes")} more; --all shows them`] : []),
    ...(group.steps.length > 0 ? [`  ${paint("dim", `order: ${stepTexts(group.steps).join(" · ")}`)}`] : []),
  ];
}

function changeLines(change: PlannedChange, { fieldsMax }: PlanBounds, paint: Paint): readonly string[] {
  const { kind, at, fields, effects, extensions, isConcealed } = change;
  const rest = fields.length - fieldsMax;
  return [
    `  ${paint(styles[kind], `${signs[kind]} ${resourceText(change)}`)}  ${paint("dim", placeText(at))}`,
    ...fields
      .slice(0, fieldsMax)
      .map(
        (field) => `      ${fieldText(field)}${field.at === undefined ? "" : `  ${paint("dim", placeText(field.at))}`}`,
      ),
    ...(rest > 0 ? [`      … and ${counted(rest, "fields")} more`] : []),
    ...(isConcealed ? ["      a value that is not shown"] : []),
    ...extensions.map((extension) => `    ${paint("red", "!")} ${extensionText(extension)}`),
    ...effects.map(({ weight, text }) =>
      weight === "quiet"
        ? `    ${paint("dim", `· ${text}`)}`
        : `    ${paint(weight === "disruptive" ? "red" : "yellow", weight === "disruptive" ? "!" : "·")} ${text}`,
    ),
  ];
}

function warningLines({ warnings }: PlanReport, { changesMax }: PlanBounds, colour: boolean): readonly string[] {
  if (warnings.length === 0) return [];
  const rest = warnings.length - changesMax;
  return [
    ...warnings.slice(0, changesMax).map((warning) => drawDiagnostic(warning, { colour })),
    ...(rest > 0 ? [`… and ${counted(rest, "new warnings")} more; --all shows them`] : []),
    "",
  ];
}

function summary(report: PlanReport): string {
  if (!hasChanges(report)) return `no changes against ${report.comparedWith}`;
  const { added, changed, removed } = totals(report);
  const effects = effectTexts(report);
  const warnings = report.warnings.length === 0 ? [] : [counted(report.warnings.length, "new warnings")];
  const noticed = [...effects, ...warnings].join(", ");
  return `plan: ${added} added, ${changed} changed, ${removed} removed in ${groupsText(report)}${noticed === "" ? "" : `; ${noticed}`}`;
}
