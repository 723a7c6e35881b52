/**
 * Which rollout somebody means who acts on one of a split, and whether it is the one that there is.
 *
 * A job that is cancelled takes back what it has started. Another one may be on by then, or its own start was refused, so it
 * says what it means, and nothing is done to any other.
 */
import type { MeantRollout, NotDone, StoredRollout } from "./rollout-views.ts";

/** Undefined when it is `current`. */
export function notMeant(
  current: StoredRollout,
  { revision, number, target }: MeantRollout,
): Extract<NotDone, { readonly kind: "another" | "conflict" }> | undefined {
  const { record, revision: now } = current;
  const split = record.plan.split;
  if (number !== undefined && number !== record.number) {
    return { kind: "another", meant: `${split}-${number}`, current };
  }
  if (target !== undefined && target !== record.target) {
    return { kind: "another", meant: `a rollout of ${target}`, current };
  }
  return revision === undefined || revision === now ? undefined : { kind: "conflict", current };
}
