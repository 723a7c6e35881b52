/**
 * A rollout that is on, in the few figures that somebody watches from afar.
 */
import type { Observed } from "./observed.ts";
import { shareOfBoth } from "./report-steps.ts";
import { WHOLE } from "../model/live-weights.ts";
import type { Phase, RolloutRecord } from "./rollout-record.ts";
import { unheardNodes } from "./sources.ts";

export interface RolloutStanding {
  readonly split: string;
  readonly phase: Phase["kind"];
  /** Of the requests to both versions, those that the canary should have by the weights, from 0 to 1. */
  readonly configuredShare: number;
  /** And those that it had in this step; absent before the first of them, and where weights decide nothing. */
  readonly observedShare?: number | undefined;
  /** Connected Envoys of which nothing was heard lately; none where a Prometheus is asked instead. */
  readonly silentCount: number;
}

export function rolloutStanding(
  record: RolloutRecord,
  seen: Pick<Observed, "nodes" | "traffic" | "loads" | "nowMs">,
): RolloutStanding {
  const { plan, phase, steps, sharesBefore } = record;
  const last = steps.at(-1);
  const share = last?.share ?? sharesBefore[plan.canary] ?? 0;
  const counted = last?.kind === "weight" ? last.canary.completed + last.baseline.completed : 0;
  return {
    split: plan.split,
    phase: phase.kind,
    configuredShare: last === undefined ? share / WHOLE : shareOfBoth(share, record),
    observedShare: last === undefined || counted === 0 ? undefined : last.canary.completed / counted,
    silentCount: plan.evidence === undefined ? unheardNodes(seen, plan.gates.staleAfterMs).length : 0,
  };
}
