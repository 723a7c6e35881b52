/**
 * What people have confirmed of the changes that the guard held: a list with a bound, the newest first.
 *
 * A confirmation is for one content in the groups that held it, and for nothing else. It is in force for a day, so that a
 * replica that sees the content later goes on as well, and until the group is served something else: who removes the same
 * again by mistake is held again.
 */

/** One of them. */
export interface Confirmation {
  readonly version: string;
  /** The groups that it lets go on. */
  readonly groups: readonly string[];
  /** Those that have been served this and are served something else by now. */
  readonly spent: readonly string[];
  /** As whoever confirmed calls itself; nobody has checked it. */
  readonly actor: string;
  readonly reason?: string | undefined;
  /** Where it was given. */
  readonly replica: string;
  readonly atMs: number;
}

/** For people who ask who confirmed what; few changes are ever held. */
const CONFIRMATIONS_MAX = 50;

/** A replica that was away for longer asks again. */
const IN_FORCE_MS = 24 * 60 * 60_000;

/** Adds one in front. */
export function addConfirmation(all: readonly Confirmation[], added: Confirmation): readonly Confirmation[] {
  return [added, ...all].slice(0, CONFIRMATIONS_MAX);
}

/** The one that lets this content go on in this group. */
export function confirmationInForce(
  all: readonly Confirmation[],
  { group, version }: { readonly group: string; readonly version: string },
  nowMs: number,
): Confirmation | undefined {
  return all.find(
    (each) =>
      each.version === version &&
      each.groups.includes(group) &&
      !each.spent.includes(group) &&
      nowMs - each.atMs < IN_FORCE_MS,
  );
}

/** The newest of this content in this group, for people. */
export function confirmationOf(
  all: readonly Confirmation[],
  { group, version }: { readonly group: string; readonly version: string },
): Confirmation | undefined {
  return all.find((each) => each.version === version && each.groups.includes(group));
}

/** The group has been served this, and is served something else now; the same list when it is known already. */
export function spendConfirmation(
  all: readonly Confirmation[],
  { group, version, atMs }: { readonly group: string; readonly version: string; readonly atMs: number },
): readonly Confirmation[] {
  const isMeant = (each: Confirmation) =>
    each.version === version && each.atMs === atMs && each.groups.includes(group) && !each.spent.includes(group);
  if (!all.some(isMeant)) return all;
  return all.map((each) => (isMeant(each) ? { ...each, spent: [...each.spent, group] } : each));
}
