/**
 * The words of a plan, for the terminal and for Markdown.
 */
import type { EffectKind } from "../snapshot/change-effects.ts";
import { resourceText } from "../snapshot/change-words.ts";
import type { PlannedChange } from "../snapshot/plan.ts";
import { typeWord } from "../snapshot/plan.ts";
import type { PlanStep } from "../snapshot/plan-steps.ts";
import type { RemovalFinding } from "../snapshot/removal-guard.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { PlanReport, ReportedGroup } from "./plan-report.ts";

/** How much is shown of what. */
export interface PlanBounds {
  readonly changesMax: number;
  readonly fieldsMax: number;
}

/** What people read; `--all` shows all of it. */
export const BOUNDS: PlanBounds = { changesMax: 25, fieldsMax: 8 };
export const NO_BOUNDS: PlanBounds = { changesMax: Infinity, fieldsMax: Infinity };

const NAMES_MAX = 5;

/** `a, b and 3 more`. */
export function listed(names: readonly string[], max = NAMES_MAX): string {
  const more = names.length > max ? ` and ${names.length - max} more` : "";
  return `${names.slice(0, max).join(", ")}${more}`;
}

/** `3 clusters`; the word is the one for many. */
export function counted(count: number, word: string): string {
  return `${count} ${count === 1 ? word.replace(/(?<!endpoint)s$/, "") : word}`;
}

/** `1. supply 2 clusters`, one line each. */
export function stepTexts(steps: readonly PlanStep[]): readonly string[] {
  const texts = steps.map(({ phase, counts, waitMs = 0 }) => {
    const what = counts.map(({ typeUrl, count }) => counted(count, typeWord(typeUrl))).join(", ");
    switch (phase) {
      case "at-once":
        return `send ${what} at once`;
      case "supply":
        return `supply ${what}, until acknowledged`;
      case "switch":
        return `switch ${what}, until acknowledged`;
      case "grace":
        return `wait ${waitMs / 1000} s`;
      case "remove":
        return `remove ${what}`;
    }
  });
  return texts.map((text, index) => (texts.length === 1 ? text : `${index + 1}. ${text}`));
}

/** What the guard would hold, and what to do. */
export function heldTexts({ held, to }: ReportedGroup, confirmCommand: string): readonly string[] {
  if (held.length === 0) return [];
  return [
    ...held.map(findingText),
    `the server will hold this until somebody says that it is meant: ${confirmCommand.replace("VERSION", to)}`,
  ];
}

function findingText({ typeUrl, removedCount, ofCount, names }: RemovalFinding): string {
  const what =
    typeUrl === typeUrls.endpoints
      ? "services lose all hosts"
      : typeUrl === typeUrls.route
        ? "route configurations lose all virtual hosts"
        : `${typeWord(typeUrl)} go`;
  const shown = names.slice(0, NAMES_MAX);
  const more = removedCount > shown.length ? ` and ${removedCount - shown.length} more` : "";
  return `removes much: ${removedCount} of ${ofCount} ${what} (${shown.join(", ")}${more})`;
}

function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `3 nodes connected, version 0123… → 4567…, about 2.1 kB to each node`. */
export function groupTitle({ nodesCount, from, to, bytes }: ReportedGroup): string {
  const nodes = nodesCount === undefined ? "" : `${counted(nodesCount, "nodes")} connected, `;
  return `${nodes}version ${from ?? "none"} → ${to}, ${sentText(bytes)}`;
}

export function sentText(bytes: number): string {
  return bytes === 0 ? "nothing new is sent" : `about ${bytesText(bytes)} to each node`;
}

/** How many resources of all groups come, change and go; of several groups with the same, one counts. */
export function totals(report: PlanReport): Readonly<Record<PlannedChange["kind"], number>> {
  const seen = new Map<string, PlannedChange["kind"]>();
  for (const { changes } of report.groups) {
    for (const { kind, typeUrl, name } of changes) seen.set(`${kind} ${typeUrl} ${name}`, kind);
  }
  const count = (wanted: PlannedChange["kind"]) => [...seen.values()].filter((kind) => kind === wanted).length;
  return { added: count("added"), changed: count("changed"), removed: count("removed") };
}

/** The effects that somebody may notice, in words. */
const effectWords: Partial<Record<EffectKind, string>> = {
  "listener-refused": "listeners that Envoy refuses to change",
  "listener-drained": "listeners drained as a whole",
  "listener-moved": "listeners that move",
  "listener-removed": "listeners that go",
  "filter-chains-drained": "listeners with filter chains that drain",
  "cluster-recreated": "clusters made anew",
  "endpoints-emptied": "services without hosts",
  "hash-ring-moved": "hash rings that move",
};

/** `2 clusters made anew, 1 listeners drained …`; none when nobody notices anything. */
export function effectTexts(report: PlanReport): readonly string[] {
  const found = new Map<EffectKind, Set<string>>();
  for (const { changes } of report.groups) {
    for (const change of changes) {
      for (const { kind } of change.effects) {
        const resources = found.get(kind) ?? new Set<string>();
        found.set(kind, resources.add(resourceText(change)));
      }
    }
  }
  return Object.entries(effectWords).flatMap(([kind, words]) => {
    const count = found.get(kind as EffectKind)?.size ?? 0;
    return count === 0 ? [] : [`${count} ${count === 1 ? oneOf(words) : words}`];
  });
}

function oneOf(words: string): string {
  return words
    .replace(/^(listener|cluster|service|hash ring)s/, "$1")
    .replace(/ that (move|go|drain)$/, (_, verb: string) =>
      words.includes("chains") ? ` that ${verb}` : ` that ${verb === "go" ? "goes" : `${verb}s`}`,
    );
}

/** How many of the groups change. */
export function groupsText({ groups, goneGroups }: PlanReport): string {
  const changed = groups.filter(({ changes }) => changes.length > 0).length + goneGroups.length;
  const all = groups.length + goneGroups.length;
  return `${changed} of ${counted(all, "groups")}`;
}
