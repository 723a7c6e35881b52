/**
 * `-o jsonl` of commands that wait for a rollout: an object for each event on stdout, and at last the rollout.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import { rolloutJson } from "../../../src/admin/rollout-json.ts";
import type { RolloutJson } from "../../../src/admin/rollout-schema.ts";
import type { RolloutEventJson } from "../../../src/cli/rollout-progress.ts";
import { jsonProgress } from "../../../src/cli/rollout-progress.ts";
import { MemoryRollouts, portOf } from "../../support/memory-rollouts.ts";
import { viewsOf } from "../admin/example-views.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

/** Each command is a program of its own, and starts slowly beside other tests. */
const TIMEOUT_MS = 120_000;

async function begun(): Promise<MemoryRollouts> {
  const rollouts = new MemoryRollouts();
  await rollouts.startRollout({ plan: { split: "shop" }, target: "v2", actor: "ci" });
  return rollouts;
}

const verdict = (sentence: string, atMs: number) =>
  ({ kind: "inconclusive", reason: "early", sentence, metrics: [], atMs }) as const;

test("an event says when, what and why, and the same is not told twice", async () => {
  const rollouts = await begun();
  const lines: RolloutEventJson[] = [];
  const progress = jsonProgress(
    (line) => lines.push(JSON.parse(line) as RolloutEventJson),
    () => 50_000,
  );
  const see = () => progress.changed(rolloutJson(rollouts.rollouts()[0] as Parameters<typeof rolloutJson>[0]));
  const waits = (waitsFor: string) => ({ kind: "preflight", sinceMs: 1_000, waitsFor }) as const;
  const measuring = { kind: "measuring", sinceMs: 3_000 } as const;
  see();
  see();
  rollouts.change({ phase: waits("a healthy host") });
  see();
  rollouts.change({ phase: measuring });
  see();
  rollouts.change({ phase: measuring, verdict: verdict("Too few requests.", 4_000) });
  see();
  // It was looked at again, and nothing is new.
  rollouts.change({ phase: measuring, verdict: verdict("Too few requests.", 5_000) });
  see();
  progress.said("timeout", "still on", rolloutJson(rollouts.rollouts()[0] as Parameters<typeof rolloutJson>[0]));
  expect(lines.map(({ time, what, reason }) => [time.slice(17, 19), what, reason])).toEqual([
    ["01", "phase", "before the first step it waits for Envoys"],
    ["50", "waits", "before the first step it waits for a healthy host"],
    ["03", "phase", "step 1 of 1: measuring canary at 0 %"],
    ["04", "verdict", "step 1 of 1: measuring canary at 0 %. Too few requests."],
    ["50", "timeout", "still on"],
  ]);
  expect(Object.keys(lines[0] ?? {})).toEqual([
    ...["time", "rollout", "split", "phase", "step", "stepsCount", "weight", "what", "reason"],
  ]);
});

test(
  "a watch writes each event to stdout and nothing to stderr, and the rollout as it ended comes last",
  { timeout: TIMEOUT_MS },
  async () => {
    const rollouts = await begun();
    const server = createAdminServer({
      listen: { host: "127.0.0.1", port: 0 },
      version: "0.1.0",
      views: viewsOf({}, portOf(rollouts)),
      onError: (error) => {
        throw error;
      },
    });
    const { port } = await server.listen();
    const run = (...args: readonly string[]) =>
      promisify(execFile)(process.execPath, [fairwayMain, "rollout", ...args, "--server", `http://127.0.0.1:${port}`]);
    try {
      const running = run("watch", "shop", "-o", "jsonl", "--timeout", "110s");
      const child = running.child;
      // What it says first is seen before anything else happens.
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      rollouts.end("promoted");
      const { stdout, stderr } = await running;
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Partial<RolloutEventJson & RolloutJson>);
      expect(stderr).toBe("");
      expect(lines.map(({ what, phase }) => [what, phase])).toEqual([
        ["phase", "preflight"],
        ["phase", "done"],
        [undefined, "done"],
      ]);
      expect(lines.at(-1)).toMatchObject({ id: "shop-1", outcome: { kind: "promoted" } });
      const wrong = await run("start", "shop", "--target", "v3", "--steps", "5", "-o", "jsonl").catch(
        (cause: unknown) => cause,
      );
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("write --wait as well") as string });
    } finally {
      await server.close();
    }
  },
);
