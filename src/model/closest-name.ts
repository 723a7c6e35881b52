/**
 * "Did you mean …": the known name that is nearest to what somebody wrote.
 */
import { camelCase } from "./position.ts";

/** Names longer than this are compared by spelling only; the distance costs length × length. */
const LENGTH_MAX = 64;
/** More candidates than this would make a large fleet pay for one typo. */
const CANDIDATES_MAX = 2_000;

/** The nearest candidate, or undefined when none is near: a third of the letters may differ. */
export function closestName(written: string, candidates: Iterable<string>): string | undefined {
  const wanted = normal(written);
  let best: { readonly name: string; readonly distance: number } | undefined;
  let seen = 0;
  for (const name of candidates) {
    if (++seen > CANDIDATES_MAX) break;
    const distance = editDistance(wanted, normal(name));
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3));
    if (distance > allowed || distance >= Math.max(wanted.length, name.length)) continue;
    if (best === undefined || distance < best.distance || (distance === best.distance && name < best.name)) {
      best = { name, distance };
    }
  }
  return best?.name;
}

/** Spelling habits (`max_requests`, `Max-Requests`) are no distance. */
function normal(name: string): string {
  return camelCase(name).toLowerCase().replaceAll("-", "");
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(left: string, right: string): number {
  if (left === right) return 0;
  if (Math.max(left.length, right.length) > LENGTH_MAX) return Number.POSITIVE_INFINITY;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        cell(previous, column) + 1,
        cell(current, column - 1) + 1,
        cell(previous, column - 1) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, cell(beforePrevious, column - 2) + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return cell(previous, right.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
