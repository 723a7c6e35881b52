/**
 * Which Envoys a rollout counts on, and who has confirmed its end: one that is not connected keeps the weights that it had
 * last.
 */
import { changeStep } from "./change-record.ts";
import type { Followed } from "./follow-weights.ts";
import type { Observed } from "./observed.ts";
import { named } from "./preflight.ts";
import type { Outcome, RolloutRecord } from "./rollout-record.ts";

/** All that are connected have the weights; they may be none. */
type Acknowledged = Extract<Followed, { readonly kind: "converged" | "alone" }>;

/** As many names as are kept. */
const UNCONFIRMED_MAX = 20;

/** More are not looked after one by one. */
const NODES_KEPT_MAX = 2_000;

interface Confirmation {
  readonly followed: Acknowledged;
  /** When it was decided. */
  readonly sinceMs: number;
  readonly seen: Observed;
}

/** The outcome with the time it took, or with the names of those that nobody can speak for. */
export function confirmed(
  outcome: Pick<Outcome, "kind" | "sentence" | "by">,
  { followed, sinceMs, seen: { away = [], nowMs } }: Confirmation,
): Outcome {
  if (away.length === 0 && followed.kind === "converged") return { ...outcome, atMs: nowMs, tookMs: nowMs - sinceMs };
  const who =
    away.length === 0
      ? "Not confirmed: no Envoy is connected, and those that connect are given these weights."
      : `Not confirmed by ${named(away)}: not connected, and given these weights when connected again.`;
  return {
    ...outcome,
    sentence: `${outcome.sentence} ${who}`,
    atMs: nowMs,
    unconfirmed: away.slice(0, UNCONFIRMED_MAX),
  };
}

/** The step that is on, with how many have its weights. */
export function withAcknowledged(record: RolloutRecord, followed: Acknowledged, nowMs: number): RolloutRecord {
  const { laggards } = followed;
  if (followed.kind === "alone") return changeStep(record, { nodesCount: 0, laggards });
  // After a pause it is seen once more, and how long Envoys took is known already.
  const convergedAtMs = record.steps.at(-1)?.convergedAtMs ?? nowMs;
  return changeStep(record, { convergedAtMs, nodesCount: followed.nodesCount, laggards });
}

/** With the Envoys that a step begins with, and those of earlier steps that are not among them. */
export function withNodes(record: RolloutRecord, { nodes, missing = [] }: Observed): RolloutRecord {
  const nodesBefore = [...nodes.map(({ id }) => id), ...missing].slice(0, NODES_KEPT_MAX);
  const here = new Set(nodesBefore);
  const known = new Set([...(record.nodesGone ?? []), ...(record.nodesBefore ?? [])]);
  const nodesGone = [...known].filter((id) => !here.has(id)).slice(-NODES_KEPT_MAX);
  return { ...record, nodesBefore, nodesGone: nodesGone.length === 0 ? undefined : nodesGone };
}
