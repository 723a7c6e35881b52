/**
 * What a write of a rollout's record has moved on: steps that ended, weights that every Envoy has, the end.
 *
 * Of several replicas the one that has written it counts it, so that their counters may be added up.
 */
import { acknowledgedAfterMs } from "./change-record.ts";
import type { Outcome, RolloutRecord, StepRecord, StepResult } from "./rollout-record.ts";

export type RolloutMove =
  | { readonly kind: "started" }
  | { readonly kind: "step-ended"; readonly result: StepResult }
  /** The last connected Envoy has the weights of a step; `tookMs` from the decision on. */
  | { readonly kind: "acknowledged"; readonly by: WeightChange; readonly tookMs: number }
  | { readonly kind: "ended"; readonly result: Outcome["kind"] };

/** What changes weights, or the share that is mirrored. */
export type WeightChange = "step" | "promotion" | "rollback";

/** A write moves at most one step on and begins the next. */
const STEPS_LOOKED_AT = 3;

/** In the order in which they happened; `before` is undefined of the first of a split. */
export function movesBetween(before: RolloutRecord | undefined, after: RolloutRecord): readonly RolloutMove[] {
  const earlier = before?.number === after.number ? before : undefined;
  return [
    ...(earlier === undefined ? [{ kind: "started" as const }] : []),
    ...after.steps.slice(-STEPS_LOOKED_AT).flatMap((step) => movesOfStep(knownStep(earlier, step, after), step)),
    ...(after.outcome !== undefined && earlier?.outcome === undefined
      ? [{ kind: "ended" as const, result: after.outcome.kind }]
      : []),
  ];
}

/** The same step as it was; by how long after the start it began, because all times move when a clock was set. */
function knownStep(
  earlier: RolloutRecord | undefined,
  step: StepRecord,
  { startedAtMs }: Pick<RolloutRecord, "startedAtMs">,
): StepRecord | undefined {
  const afterMs = step.startedAtMs - startedAtMs;
  return earlier?.steps.findLast(
    (each) => each.kind === step.kind && each.startedAtMs - earlier.startedAtMs === afterMs,
  );
}

function movesOfStep(known: StepRecord | undefined, step: StepRecord): readonly RolloutMove[] {
  const by = changeOf(step);
  const tookMs = acknowledgedAfterMs(step);
  return [
    ...(by !== undefined && tookMs !== undefined && known?.convergedAtMs === undefined
      ? [{ kind: "acknowledged" as const, by, tookMs }]
      : []),
    ...(step.endedAtMs !== undefined && known?.endedAtMs === undefined
      ? [{ kind: "step-ended" as const, result: step.result ?? "ended" }]
      : []),
  ];
}

/** Undefined of what changes none. */
function changeOf({ kind }: StepRecord): WeightChange | undefined {
  switch (kind) {
    case "weight":
    case "mirror":
      return "step";
    case "promotion":
    case "rollback":
      return kind;
    case "pinned":
    case "approval":
    case "webhook":
      return undefined;
  }
}
