/**
 * What a seed once found stays found: each failed before the machine learnt the rule beside it.
 *
 * A change of the simulation gives its seeds other worlds; the rules themselves are held by mutations.test.ts and
 * by the tests of the stages. Seeds that found something are added here, and leave when they mean nothing any more.
 */
import { describe, test } from "vitest";
import { expectSafe } from "./expect-seeds.ts";

describe("what a seed once found stays found", () => {
  const known: readonly (readonly [number, string])[] = [
    [65, "a SotW client that names its clusters was not told that the last of them had gone"],
    [264, "a SotW client that never took its first response was not answered when it asked for something else"],
    [1070, "a SotW client that wanted everything again after nothing was taken for one that still has it"],
    [1913, "routes moved before their clusters, because a node first asked for a secret that it had never received"],
    [23142, "a change never ended, because a SotW client had dropped all that was under way and did not answer it"],
    [33795, "endpoints that were tried in place of older ones made the same response be sent again"],
    [31966, "a SotW client that dropped what was under way was not sent the rest"],
  ];

  test.each(known)("seed %i: %s", (seed) => expectSafe(seed));
});
