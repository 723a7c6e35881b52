/**
 * Why something is not done because of somebody else, in sentences that name him, and the way out.
 */
import type { RolloutLock } from "./rollout-record.ts";
import type { NotDone, StoredRollout } from "./rollout-views.ts";

type Of<Kind extends NotDone["kind"]> = Extract<NotDone, { readonly kind: Kind }>;

/** Which one is on, and whose it is. */
export function activeText({ record }: StoredRollout): string {
  return `${record.id} is on: ${record.target}, started by ${record.startedBy}`;
}

export function besideText({ current, clusters }: Pick<Of<"beside">, "current" | "clusters">): string {
  return `${activeText(current)}; it is judged by requests to ${clusters.join(" and ")} too, and each would count those of the other`;
}

export function leasedText({ split, endsAtMs, by }: Pick<Of<"leased">, "split" | "endsAtMs" | "by">): string {
  return (
    `the weights of ${split} have a lease of ${by} until ${isoOf(endsAtMs)}, and a rollout that sets others would end it; ` +
    `\`fairway split reset ${split}\` takes them back, and \`fairway split set\` without --lease keeps them`
  );
}

/** With the way out: whoever has it goes on under his name, and others ask him or take it from him. */
export function lockedText(split: string, { owner, reason, endsAtMs }: RolloutLock): string {
  const word = /^[\w.:@/-]+$/.test(owner) ? owner : `'${owner.replaceAll("'", `'\\''`)}'`;
  return (
    `it is locked by ${owner} until ${isoOf(endsAtMs)}${reason === undefined ? "" : `: ${reason}`}; ` +
    `\`fairway rollout unlock ${split} --owner ${word}\` gives it back, and \`--actor ${word}\` starts under that name`
  );
}

/** The one that there is instead. */
export function anotherText({ meant, current }: Pick<Of<"another">, "meant" | "current">): string {
  const { id, target, startedBy, outcome } = current.record;
  return outcome === undefined
    ? `${activeText(current)}, and it is not ${meant}`
    : `the newest is ${id}: ${target}, started by ${startedBy}, ${outcome.kind}; it is not ${meant}`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
