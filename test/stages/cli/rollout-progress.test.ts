/** What `--wait` tells while time passes: at once what is new, and figures only now and then. */
import { expect, test } from "vitest";
import { rolloutJson } from "../../../src/admin/rollout-json.ts";
import { textProgress } from "../../../src/cli/rollout-progress.ts";
import { MemoryRollouts } from "../../support/memory-rollouts.ts";

test("a line for each phase and finding, and ever fewer for what is the same but for its figures", async () => {
  const rollouts = new MemoryRollouts();
  await rollouts.startRollout({ plan: { split: "shop" }, target: "v2", actor: "ci" });
  let nowS = 0;
  const told: string[] = [];
  const progress = textProgress(
    (line) => told.push(`${nowS} ${/measuring|promoted/.exec(line)?.[0]} ${/\d+ s|shown/.exec(line)?.[0]}`),
    () => nowS * 1_000,
  );
  const measuring = (reason: string, sentence: string) => {
    const verdict = { kind: "inconclusive", reason, sentence, metrics: [], atMs: nowS * 1_000 } as const;
    progress.changed(rolloutJson(rollouts.change({ phase: { kind: "measuring", sinceMs: 0 }, verdict })));
  };
  for (; nowS < 100; nowS += 1) measuring("step-not-over", `another ${200 - nowS} s`);
  measuring("not-proved", "it is not shown to be good");
  progress.changed(rolloutJson(rollouts.end("promoted")));
  expect(told.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    ...["0 measuring", "10 measuring", "30 measuring", "70 measuring", "100 measuring", "100 promoted"],
  ]);
});
