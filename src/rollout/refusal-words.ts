/**
 * Why something is not done because of somebody else, in sentences that name him, and the way out.
 */
import type { RolloutLock } from "./rollout-record.ts";

/** With the way out: whoever has it goes on under his name, and others ask him or take it from him. */
export function lockedText(split: string, { owner, reason, endsAtMs }: RolloutLock): string {
  const word = /^[\w.:@/-]+$/.test(owner) ? owner : `'${owner.replaceAll("'", `'\\''`)}'`;
  const until = new Date(endsAtMs).toISOString();
  return (
    `it is locked by ${owner} until ${until}${reason === undefined ? "" : `: ${reason}`}; ` +
    `\`fairway rollout unlock ${split} --owner ${word}\` gives it back, and \`--actor ${word}\` starts under that name`
  );
}
