/**
 * What leaves a table when another takes its place, found once for all streams that make that change.
 */
import type { Resource } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";

/** Both lists are in the order of the table before. */
export interface Leaving {
  /** Not in the new table. */
  readonly gone: readonly Resource[];
  /** In the new table, but without the hosts that it had. */
  readonly emptied: readonly Resource[];
}

const none: Leaving = { gone: [], emptied: [] };

const known = new WeakMap<TypeTable, WeakMap<TypeTable, Leaving>>();

/** What `before` has and `after` has not. */
export function leavingOf(before: TypeTable, after: TypeTable): Leaving {
  if (before === after || before.version === after.version) return none;
  let ofBefore = known.get(before);
  if (ofBefore === undefined) known.set(before, (ofBefore = new WeakMap()));
  let leaving = ofBefore.get(after);
  if (leaving === undefined) ofBefore.set(after, (leaving = compare(before, after)));
  return leaving;
}

function compare(before: TypeTable, after: TypeTable): Leaving {
  const gone: Resource[] = [];
  const emptied: Resource[] = [];
  for (const [name, resource] of before.resources) {
    const successor = after.resources.get(name);
    if (successor === resource) continue;
    if (successor === undefined) gone.push(resource);
    else if (isEmptied(resource, successor)) emptied.push(resource);
  }
  return { gone, emptied };
}

/** The successor has no hosts, where there were some. */
export function isEmptied(resource: Resource | undefined, successor: Resource): boolean {
  return resource !== undefined && resource.hostCount > 0 && successor.hostCount === 0;
}
