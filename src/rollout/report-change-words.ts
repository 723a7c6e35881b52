/**
 * The lines in which all forms of a report tell what changed of the config.
 */
import { signs } from "../snapshot/change-words.ts";
import type { ChangedGroup, ChangedResource, ReportChanges } from "./report-changes.ts";
import type { RolloutReport } from "./report.ts";
import { clockText } from "./report-words.ts";
import { showCount } from "./show-figures.ts";

/** Names in a sentence; more are in the list. */
const NAMES_MAX = 3;

/** One line, with what is told of it. */
export interface ChangeLine {
  readonly text: string;
  readonly details: readonly string[];
}

/** The whole of it in a sentence; undefined when nothing is known of the versions. */
export function changesSentence({ changes, split }: Pick<RolloutReport, "changes" | "split">): string | undefined {
  if (changes === undefined) return undefined;
  const { groups, until } = changes;
  const since = until === "end" ? "between its beginning and its end" : "since it began";
  const unknown = groups.filter((group) => group.unknown !== undefined).length;
  const count = othersCount(changes);
  const weights = groups.reduce((sum, group) => sum + group.weightsOnlyCount, 0);
  if (groups.length > 0 && unknown === groups.length) return `What changed of the config ${since} is not known.`;
  const known = unknown === 0 ? "" : `, as far as it is known (${unknown} of ${groups.length} groups are not)`;
  const own = weights === 0 ? "" : ` the weights of ${split} (in ${resources(weights)})`;
  if (count > 0)
    return `Besides${own === "" ? ` the weights of ${split}` : own}, ${resources(count)} ${count === 1 ? "differs" : "differ"} ${since}${known}.`;
  return own === "" ? `Nothing of the config differs ${since}${known}.` : `Only${own} differ ${since}${known}.`;
}

/** What whoever reads the figures should know; none when nobody else has changed anything that stayed. */
export function changesCaution(changes: ReportChanges | undefined): readonly string[] {
  if (changes === undefined) return [];
  const count = othersCount(changes);
  if (count === 0) return [];
  const names = [...new Set(changes.groups.flatMap((group) => group.changes.map(({ resource }) => resource)))];
  const more = Math.max(count, names.length) - NAMES_MAX;
  const listed = `${names.slice(0, NAMES_MAX).join(", ")}${more > 0 ? ` and ${showCount(more)} more` : ""}`;
  return [`The config changed meanwhile by more than the weights: ${listed}.`];
}

/** Group by group, and then what others did. */
export function changeLines(report: RolloutReport): readonly ChangeLine[] {
  const { changes } = report;
  if (changes === undefined) return [];
  return [...changes.groups.flatMap((group) => groupLines(group, report)), ...meanwhileLines(changes, report)];
}

function groupLines(changed: ChangedGroup, report: RolloutReport): readonly ChangeLine[] {
  const { group, from, to, unknown, changes, weightsOnlyCount, changesLeftOut } = changed;
  const versions = to === from ? `version ${from} as before` : `version ${from} → ${to ?? "none"}`;
  const weights = weightsOnlyCount === 0 ? [] : [`the weights of ${report.split} in ${resources(weightsOnlyCount)}`];
  return [
    { text: `group ${group}: ${versions}`, details: unknown === undefined ? weights : [unknown] },
    ...changes.map(resourceLine),
    ...(changesLeftOut === 0
      ? []
      : [{ text: `… and ${resources(changesLeftOut)} more; ${allCommand(report)}`, details: [] }]),
  ];
}

function resourceLine({ kind, resource, at, fields, fieldsLeftOut, effects }: ChangedResource): ChangeLine {
  return {
    text: `${signs[kind]} ${resource} (${at})`,
    details: [...fields, ...(fieldsLeftOut === 0 ? [] : [`… and ${showCount(fieldsLeftOut)} fields more`]), ...effects],
  };
}

function meanwhileLines({ meanwhile, meanwhileLeftOut }: ReportChanges, report: RolloutReport): readonly ChangeLine[] {
  if (meanwhile.length === 0) return [];
  const earlier =
    meanwhileLeftOut === 0 ? [] : [`… and ${showCount(meanwhileLeftOut)} more before; ${allCommand(report)}`];
  return [
    {
      text: "what others did meanwhile:",
      details: [...earlier, ...meanwhile.map(({ at, what }) => `${clockText(at, report.startedAt)} ${what}`)],
    },
  ];
}

function allCommand({ split, number }: RolloutReport): string {
  return `all: fairway rollout report ${split} --number ${number} --all`;
}

function othersCount({ groups }: ReportChanges): number {
  return groups.reduce((sum, { changes, changesLeftOut }) => sum + changes.length + changesLeftOut, 0);
}

function resources(count: number): string {
  return `${showCount(count)} ${count === 1 ? "resource" : "resources"}`;
}
