/**
 * A plan for programs; the shape stays, fields may come.
 */
import type { JsonValue } from "../model/intent.ts";
import { byWeight } from "../snapshot/change-words.ts";
import type { PlannedChange } from "../snapshot/plan.ts";
import { typeWord } from "../snapshot/plan.ts";
import type { PlanReport, ReportedGroup } from "./plan-report.ts";
import { hasChanges } from "./plan-report.ts";
import type { PlanBounds } from "./plan-words.ts";
import { totals } from "./plan-words.ts";

export function planJson(report: PlanReport, bounds: PlanBounds): JsonValue {
  return plainJson({
    changes: hasChanges(report),
    comparedWith: report.comparedWith,
    totals: totals(report),
    groups: report.groups.map((group) => groupJson(group, bounds)),
    goneGroups: report.goneGroups.map(({ group, nodesCount }) => ({ group, nodes: nodesCount })),
    newWarnings: report.warnings,
    notes: report.notes,
  });
}

/** Without what is undefined. */
function plainJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

function groupJson(group: ReportedGroup, { changesMax }: PlanBounds): unknown {
  const changes = byWeight(group.changes).slice(0, changesMax);
  return {
    group: group.group,
    nodes: group.nodesCount,
    from: group.from,
    to: group.to,
    bytesToEachNode: group.bytes,
    changesCount: group.changes.length,
    changes: changes.map(changeJson),
    held: group.held.map(({ typeUrl, removedCount, ofCount, names }) => ({
      type: typeWord(typeUrl),
      removedCount,
      ofCount,
      names,
    })),
    steps: group.steps.map(({ phase, counts, waitMs }) => ({
      phase,
      ...(waitMs === undefined ? {} : { waitMs }),
      counts: Object.fromEntries(counts.map(({ typeUrl, count }) => [typeWord(typeUrl), count])),
    })),
    notes: group.notes,
  };
}

function changeJson({ kind, typeUrl, name, at, fields, isConcealed, effects, extensions }: PlannedChange): unknown {
  return {
    change: kind,
    type: typeWord(typeUrl),
    name,
    at,
    fields,
    ...(isConcealed ? { concealed: true } : {}),
    effects,
    extensions,
  };
}
