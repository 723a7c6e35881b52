/**
 * `fairway rollout start --wait` that is interrupted by a real signal, with a rollout on a real Envoy.
 */
import { expect, test } from "vitest";
import { Child } from "../../demo/kit/child.ts";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { reporting, rolloutScene } from "./rollout-scene.ts";
import type { Scene } from "./scene.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

/** Nothing here waits for the end of its only step. */
const plan = ["--steps", "50", "--hold", "1h", "--min-requests", "1"];

test("leaves the rollout on, and another one that attaches to it takes it back", async () => {
  await using running = await rolloutScene({ envoy: reporting });
  const load = Load.start({ url: running.url, requestsPerSecond: 100 });
  const first = await waiting(running);
  const measured = await until(running, "requests at the canary", hasMoreThan(0));
  first.kill("SIGINT");
  expect(await first.exited).toEqual({ code: 130, signal: null });
  expect(first.logs().join("\n")).toContain("shop-1 goes on without you");
  // It is measured on, though nobody waits.
  const onward = await until(running, "more requests at the canary", hasMoreThan(requestsOf(measured)));
  expect(onward).toMatchObject({ id: "shop-1", phase: "measuring", weight: 50 });

  const second = await waiting(running, "--on-interrupt", "abort");
  await second.waitForLog(/^shop-1 .*measuring/, 60_000);
  // As CI runners and containers do.
  second.kill("SIGTERM");
  expect(await second.exited).toEqual({ code: 130, signal: null });
  expect(second.logs().join("\n")).toContain("shop-1 goes back to the weights before");
  const ended = await until(running, "the end", ({ phase }) => phase === "done");
  expect(ended).toMatchObject({ id: "shop-1", weight: 0, outcome: { kind: "aborted", by: "ci" } });
  const after = await Load.run({ url: running.url, count: 200 });
  expect(after.byLabel).toEqual({ v1: 200 });
  const report = await load.stop();
  expect(report.failed, report.failures.join()).toBe(0);
});

function waiting(of: Scene, ...args: readonly string[]): Promise<Child> {
  return Child.start({
    name: "fairway rollout start",
    command: process.execPath,
    args: [fairwayMain, "rollout", "start", "shop", "--target", "v2", ...plan, "--actor", "ci", "--wait", ...args],
    env: { ...process.env, FAIRWAY_SERVER: `http://127.0.0.1:${of.fairway.adminPort}` },
  });
}

function requestsOf({ steps }: RolloutJson): number {
  return steps.at(-1)?.canary.completed ?? 0;
}

function hasMoreThan(requests: number): (rollout: RolloutJson) => boolean {
  return (rollout) => rollout.phase === "measuring" && requestsOf(rollout) > requests;
}

/** The first look at the rollout of which it is true. */
function until(of: Scene, what: string, is: (rollout: RolloutJson) => boolean): Promise<RolloutJson> {
  const look = async () => {
    const rollout = await of.fairway.get<RolloutJson>("/v1/rollouts/shop");
    return is(rollout) ? rollout : undefined;
  };
  return waitUntil(look, { what, timeoutMs: 60_000, everyMs: 20 });
}
