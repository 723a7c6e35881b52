/**
 * Copies of requests that a canary gets before it has any of its own: when there are some, and what is counted then.
 *
 * Envoy throws away the answers of copies, so a canary that fails them has failed nobody. Only while their step runs are
 * there any: not while somebody is asked, nor while the rollout is paused, and never after its end.
 */
import { actorOf, sharesAt } from "./follow-weights.ts";
import type { Wanted } from "./follow-weights.ts";
import type { Effect, NodeReport, Observed } from "./observed.ts";
import type { Phase, RolloutRecord } from "./rollout-record.ts";

/** What the step that is on wants of the split. */
export function wantedNow(record: RolloutRecord): Wanted {
  const { steps, sharesBefore, plan } = record;
  const last = steps.at(-1);
  const shares = sharesAt(record, last?.share ?? sharesBefore[plan.canary] ?? 0);
  if (last?.mirrorShare === undefined) return { shares };
  return { shares, mirror: { backend: plan.canary, share: last.mirrorShare } };
}

/** Whether what was measured last are copies of requests. */
export function countsCopies({ steps }: Pick<RolloutRecord, "steps">): boolean {
  return steps.findLast(({ measuredFromMs }) => measuredFromMs !== undefined)?.kind === "mirror";
}

/** The reports with the copies in the place of the canary's requests. */
export function reportsOfCopies(reports: ReadonlyMap<string, NodeReport>): ReadonlyMap<string, NodeReport> {
  return new Map([...reports].map(([node, report]) => [node, { ...report, canary: report.mirrored }]));
}

/** To leave the weights and end the copies, where there are some that the phase is not for. */
export function endOfCopies(
  record: Pick<RolloutRecord, "id" | "target" | "phase">,
  split: Observed["split"],
): readonly Effect[] {
  if (split?.document.mirror === undefined || writesSplit(record.phase)) return [];
  const { document, shares } = split;
  // A rollout that is over knows nothing of what others have set since.
  if (record.phase.kind === "done" && document.history[0]?.actor !== actorOf(record)) return [];
  const reason = `${record.target}: nothing is mirrored any more`;
  return [{ kind: "set-weights", shares: document.shares ?? shares, expected: document.number, reason }];
}

/** In these the split is as their step wants it, or becomes so. */
function writesSplit({ kind }: Phase): boolean {
  return ["converging", "settling", "measuring", "promoting", "rolling-back"].includes(kind);
}
