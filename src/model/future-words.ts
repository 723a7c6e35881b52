/**
 * Words that belong to the vocabulary and that this version does not know yet.
 *
 * Whoever writes one has read about it somewhere; "did you mean" would mislead. A row goes when its word
 * arrives.
 */
import type { Path } from "./position.ts";

/** `*` stands for one step of a path. */
const futureWords: readonly {
  readonly where: readonly string[];
  readonly words: readonly string[];
}[] = [{ where: ["services", "*", "discovery"], words: ["file"] }];

/** What to say about a key that is known and not supported, or undefined. */
export function futureWord(path: Path, key: string): { readonly message: string; readonly hint: string } | undefined {
  const found = futureWords.find(
    ({ where, words }) =>
      words.includes(key) &&
      where.length === path.length &&
      where.every((step, index) => step === "*" || step === path[index]),
  );
  if (found === undefined) return undefined;
  const hint = "remove it, or use a raw resource under `resources`";
  return { message: `\`${key}\` is not supported yet`, hint };
}
