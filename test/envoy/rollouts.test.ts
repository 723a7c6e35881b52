/**
 * Rollouts as CI drives them, on a real Envoy with real requests: a good version goes from 0 to 100 %, a bad one goes back.
 */
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import {
  isOver,
  reporting,
  rollout,
  rolloutConfig,
  rolloutNow,
  rolloutPlan,
  rolloutStep,
  rolloutUntil,
  savePlan,
  split,
} from "./rollout-scene.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

const scene = (): Promise<Scene> => startScene({ backends: 2, config: rolloutConfig, envoy: reporting });

describe("a rollout on a real Envoy", { timeout: 300_000 }, () => {
  test("promotes a good version, takes bad ones back, and never by silence, without a request lost to it", async () => {
    await using running = await scene();
    const [v1, v2] = running.backends;
    if (v1 === undefined || v2 === undefined) throw new Error("there are two backends");
    const file = await savePlan(running, rolloutPlan);
    const start = (target: string, ...args: readonly string[]) =>
      rollout(running, "start", "shop", "--target", target, "--plan", file, "--actor", "ci", ...args);

    const load = Load.start({ url: running.url, requestsPerSecond: 200 });
    const good = await start("good", "--wait", "--idempotency-key", "job-1");
    expect(good, good.text).toMatchObject({ code: 0 });
    expect(good.text).toContain("[1/2, 20 %] step 1 of 2: measuring canary at 20 %");
    expect(good.text).toContain("promoted: canary has all requests, and every connected Envoy has acknowledged it.");
    const promoted = await rolloutNow(running);
    expect(promoted.steps.map(({ kind, result }) => [kind, result])).toEqual([
      ["weight", "passed"],
      ["weight", "passed"],
      ["promotion", "passed"],
    ]);
    for (const each of promoted.steps) expect(each.nodesCount).toBe(1);
    // The job is run once more.
    expect((await start("good", "--idempotency-key", "job-1")).text).toContain("shop-1 was started before, by ci");

    expect(await rollout(running, "undo", "shop", "--actor", "ann")).toMatchObject({ code: 0 });
    await rolloutUntil(running, "the undo", ({ outcome }) => outcome?.kind === "rolled-back");
    const report = await load.stop();
    expect(report.failed, report.failures.join()).toBe(0);
    const after = await Load.run({ url: running.url, count: 200 });
    expect(after.byLabel).toEqual({ v1: 200 });

    const set = (...weights: readonly string[]) => split(running, "set", "shop", ...weights);
    const errors = Load.start({ url: running.url, requestsPerSecond: 200 });
    v2.set({ failure: { answer: 500, percent: 30 } });
    const bad = await start("errors", "--wait");
    expect(bad, bad.text).toMatchObject({ code: 3 });
    const back = await rolloutNow(running);
    expect(back.outcome).toMatchObject({ kind: "rolled-back" });
    expect(back.outcome?.tookMs).toBeLessThan(1_000);
    expect(back.verdict?.sentence).toContain("canary fails");

    // Only asked about, it stays where it is.
    expect(await set("canary=30", "--wait")).toMatchObject({ code: 0 });
    const asked = ["analyze", "shop", "--hold", "1s", "--min-requests", "40", "--success-rate", "95"];
    expect(await rollout(running, ...asked)).toMatchObject({ code: 3 });
    v2.set({});
    const passed = await rollout(running, ...asked);
    expect(passed, passed.text).toMatchObject({ code: 0 });
    expect((await rolloutNow(running)).weight).toBe(30);
    expect(await set("canary=0", "--wait")).toMatchObject({ code: 0 });

    v2.set({ delayMs: 450 });
    const slow = await start("slow", "--wait");
    expect(slow, slow.text).toMatchObject({ code: 3 });
    expect((await rolloutNow(running)).verdict?.sentence).toContain("takes longer than 300 ms");
    v2.set({});
    const slowly = await rolloutNow(running);
    expect(slowly.outcome?.tookMs).toBeLessThan(1_000);
    // What failed is what the canary was made to answer, and nothing else.
    const { failed, failures } = await errors.stop();
    expect(failed, failures.join()).toBe(v2.failures);
    expect(failed).toBeGreaterThan(0);

    const quiet = await savePlan(running, {
      ...rolloutPlan,
      steps: [{ ...rolloutStep(20), hold: "1s", maxHold: "3s" }],
    });
    const silent = await rollout(running, "start", "shop", "--target", "quiet", "--plan", quiet, "--wait");
    expect(silent, silent.text).toMatchObject({ code: 4 });
    expect(await rolloutNow(running)).toMatchObject({ phase: "paused", pausedBy: "engine", weight: 20 });
    expect(await reportOf(running)).toContain((await rolloutNow(running)).verdict?.sentence);

    // Somebody else takes the weights in hand.
    expect(await set("canary=0", "--actor", "ann")).toMatchObject({ code: 0 });
    const ended = await rolloutUntil(running, "the end", ({ phase }) => phase === "done");
    expect(ended.outcome).toMatchObject({ kind: "superseded", by: "ann" });
  });

  test("goes on where it was when its controller is killed, at every step", async () => {
    await using running = await scene();
    const load = Load.start({ url: running.url, requestsPerSecond: 200 });
    const file = await savePlan(running, rolloutPlan);
    expect(await rollout(running, "start", "shop", "--target", "v2", "--plan", file)).toMatchObject({ code: 0 });
    const phases: [string, (of: RolloutJson) => boolean][] = [
      ["the first step", ({ phase, step: at }) => phase === "measuring" && at === 1],
      ["the second step", ({ step: at }) => at === 2],
      ["the second step measured", ({ phase, step: at }) => phase === "measuring" && at === 2],
    ];
    for (const [what, is] of phases) {
      await rolloutUntil(running, what, (seen) => is(seen) || isOver(seen));
      await running.fairway.kill("SIGKILL");
      await running.fairway.restart();
    }
    const over = await rolloutUntil(running, "the end", isOver);
    expect(over.outcome?.kind, over.sentence).toBe("promoted");
    expect(over.steps.map(({ kind, result, weight }) => [kind, result, weight])).toEqual([
      ["weight", "passed", 20],
      ["weight", "passed", 50],
      ["promotion", "passed", 100],
    ]);
    const { history } = await running.fairway.get<{ readonly history: readonly object[] }>("/v1/splits/shop/history");
    expect(history).toHaveLength(3);
    expect((await load.stop()).failed).toBe(0);
  });

  test("goes back when an Envoy crashes, or refuses its configuration", async () => {
    await using running = await scene();
    const load = Load.start({ url: running.url, requestsPerSecond: 200, accept: () => true });
    const file = await savePlan(running, {
      ...rolloutPlan,
      steps: [{ ...rolloutStep(20), hold: "60s", maxHold: "120s" }],
    });
    const begin = async (target: string) => {
      await rollout(running, "start", "shop", "--target", target, "--plan", file);
      await rolloutUntil(running, "the measurement", ({ phase }) => phase === "measuring");
    };
    await begin("crash");
    const { adminPort } = running.envoy;
    process.kill(running.envoy.pid, "SIGKILL");
    await using again = await Envoy.start({
      xdsPort: running.fairway.xdsPort,
      nodeId: "edge-1",
      api: "delta",
      ...reporting,
    });
    expect(adminPort).not.toBe(again.adminPort);
    const crashed = await rolloutUntil(running, "the end", isOver);
    expect(crashed, crashed.sentence).toMatchObject({
      outcome: { kind: "rolled-back" },
      verdict: { reason: "crashed" },
    });
    expect(crashed.outcome?.tookMs).toBeLessThan(1_000);
    expect(await reportOf(running)).toContain("edge-1 started anew with an empty configuration");
    expect(await rollout(running, "watch", "shop")).toMatchObject({ code: 7 });

    const short = {
      ...rolloutPlan,
      steps: [{ ...rolloutStep(20), hold: "60s", maxHold: "120s" }],
      fleet: { ackTimeout: "3s" },
    };
    await savePlan(running, short);
    await begin("refused");
    // No Envoy can listen there, and only an Envoy knows.
    await running.save(
      `gateways: { other: { listeners: [{ name: o, port: 4711, address: 192.0.2.1 }] } }`,
      "other.yaml",
    );
    const refused = await rolloutUntil(running, "the end", isOver);
    expect(refused, refused.sentence).toMatchObject({
      outcome: { kind: "rolled-back" },
      verdict: { reason: "rejected" },
    });
    expect(refused.verdict?.sentence).toContain("192.0.2.1");
    expect(await reportOf(running)).toContain("192.0.2.1");
    const after = await Load.run({ url: running.url, count: 200 });
    expect(after.byLabel).toEqual({ v1: 200 });
    await load.stop();
  });

  test("is held by a webhook that hangs, and says so, and goes on when it answers", async () => {
    await using running = await scene();
    // It hangs before the first step, answers, hangs after it, and answers.
    let asked = 0;
    const hung = new Set<ServerResponse>();
    const server = createServer((request, response) => {
      request.resume();
      asked += 1;
      if (asked % 2 === 1) hung.add(response);
      else response.end();
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    const url = `http://127.0.0.1:${port}/ready`;
    const steps = [{ webhook: { url, timeout: "1s" } }, rolloutStep(20), { webhook: { url, timeout: "1s" } }];
    const file = await savePlan(running, { ...rolloutPlan, steps });
    const load = Load.start({ url: running.url, requestsPerSecond: 200 });
    const [version, weights] = [await running.served(), await split(running, "get", "shop")];
    const held = await rollout(running, "start", "shop", "--target", "v2", "--plan", file, "--wait");
    expect(held, held.text).toMatchObject({ code: 4 });
    expect(held.text).toContain(`${url} gave no answer: nothing came in 1 s`);
    expect(hung.size).toBe(1);
    expect(await rolloutNow(running)).toMatchObject({ phase: "paused", pausedBy: "engine", weight: 0 });
    expect(await running.served()).toBe(version);
    expect(await split(running, "get", "shop")).toEqual(weights);

    expect(await rollout(running, "resume", "shop")).toMatchObject({ code: 0 });
    // In the middle of a rollout the weights stay as they are.
    const again = await rollout(running, "watch", "shop");
    expect(again, again.text).toMatchObject({ code: 4 });
    expect(hung.size).toBe(2);
    expect(await rolloutNow(running)).toMatchObject({ phase: "paused", pausedBy: "engine", weight: 20, step: 3 });
    expect(await rollout(running, "resume", "shop")).toMatchObject({ code: 0 });
    const over = await rolloutUntil(running, "the end", isOver);
    expect(over.outcome?.kind, over.sentence).toBe("promoted");
    expect(asked).toBe(4);
    expect((await load.stop()).failed).toBe(0);
  });
});

/** As a CI job puts it into its summary. */
async function reportOf(running: Parameters<typeof rollout>[0]): Promise<string> {
  return (await rollout(running, "report", "shop", "-o", "md")).text;
}
