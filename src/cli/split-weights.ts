/**
 * Weights as people type them: `canary=10`.
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** In percent, by backend. What is no backend or no share the server knows better. */
export function readWeights(words: readonly string[]): Result<Readonly<Record<string, number>>, string> {
  const weights = new Map<string, number>();
  for (const word of words.flatMap((each) => each.split(","))) {
    const [, name = "", percent = ""] = /^([A-Za-z0-9._-]+)=(\d+(?:\.\d+)?)%?$/.exec(word) ?? [];
    if (name === "") return err(`"${word}" is no weight; write BACKEND=PERCENT, such as canary=10`);
    if (weights.has(name)) return err(`${name} has two weights`);
    weights.set(name, Number(percent));
  }
  return ok(Object.fromEntries(weights));
}
