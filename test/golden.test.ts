/**
 * Every example renders to exactly what is checked in under `snapshots/`, and nothing else is there.
 *
 * `npm run golden` rewrites the files; the difference is then read in the review, as what the change means
 * for the Envoys.
 */
import { describe, expect, it } from "vitest";
import { listExamples, readGoldens, renderExample } from "./support/examples.ts";

const goldens = readGoldens();

/** The checked-in files of an example. */
function goldensOf(example: string): object {
  return Object.fromEntries([...goldens].filter(([path]) => path.startsWith(`${example}/`)));
}

describe("snapshots/", () => {
  it.each(listExamples())(
    "holds what examples/%s renders to: run `npm run golden` if that is what you want",
    async (example) => {
      expect(Object.fromEntries(await renderExample(example))).toEqual(goldensOf(example));
    },
  );

  it("holds nothing that no example renders to", () => {
    const examples = new Set(listExamples());
    expect([...goldens.keys()].filter((path) => !examples.has(path.split("/")[0] ?? ""))).toEqual([]);
  });
});
