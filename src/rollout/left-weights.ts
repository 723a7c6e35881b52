/**
 * What becomes of weights that a rollout has set when it ends unjudged, as when the config has its split no more: they are
 * taken back, or a canary that nobody judges would have its requests again as soon as the split is back.
 *
 * It says so by the two documents alone, so that it is done once, whoever does it and however often.
 */
import { areSameShares } from "../model/live-weights.ts";
import { actorOf } from "./follow-weights.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import type { Shares, SplitDocument } from "./split-document.ts";
import { changed } from "./split-document.ts";

/** The split as it was before the rollout; undefined when there is nothing to take back. */
export function withoutLeftWeights(
  record: RolloutRecord,
  document: SplitDocument,
  nowMs: number,
): SplitDocument | undefined {
  const { id, outcome, plan, sharesBefore, splitNumber } = record;
  const [last] = document.history;
  // Of what others have set it knows nothing; and of an older document it is not known what has become of it.
  const isOwn = last?.actor === actorOf(record) && document.number >= splitNumber;
  if (outcome?.kind !== "superseded" || !isOwn || isAs(sharesBefore, document)) return undefined;
  const reason = `${id} (${plan.canary} ${inPercent(document)}) ended unjudged: ${outcome.sentence}`;
  const by = { before: document.shares ?? {}, after: sharesBefore, actor: "fairway", reason, atMs: nowMs };
  return changed(document, { ...by, kind: wasOfFile(record, document) ? "reset" : "set" }, document.fileShares);

  function inPercent({ shares }: SplitDocument): string {
    return `${(shares?.[plan.canary] ?? 0) / 100} %`;
  }
}

/** Whether it is back already, with nothing copied. */
function isAs(before: Shares, { shares, mirror }: SplitDocument): boolean {
  if (shares === undefined) return true;
  return mirror === undefined && areSameShares(before, shares);
}

/** Whether nobody had set weights when it began; what is not kept any more were weights that somebody had set. */
function wasOfFile(record: RolloutRecord, { history }: SplitDocument): boolean {
  const before = history.find(({ actor }) => actor !== actorOf(record));
  if (before === undefined) return history.at(-1)?.number === 1;
  return before.kind === "reset" || before.kind === "expired";
}
