/**
 * What is said of a split that there is not: the nearest name, or those that there are.
 */
import { closestName } from "../model/closest-name.ts";

/** More names than this nobody reads. */
const NAMES_MAX = 20;

/** The end of a sentence; `name` is what was asked for, where that is known. */
export function knownSplits(names: readonly string[], name?: string): string {
  const near = name === undefined ? undefined : closestName(name, names);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (names.length === 0) return "the config has none";
  if (names.length === 1) return `there is only \`${names[0]}\``;
  return `there are ${names.slice(0, NAMES_MAX).join(", ")}`;
}
