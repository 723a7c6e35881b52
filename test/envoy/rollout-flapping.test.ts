/**
 * Canaries that are good and bad in turns, on two real Envoys: taken back in under a second, and never promoted for their
 * good moments.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import type { RolloutReport } from "../../src/rollout/report.ts";
import type { RolloutPlace } from "./rollout-place.ts";
import { startRolloutPlace } from "./rollout-place.ts";
import { rollout, rolloutGates, rolloutNow, rolloutStep, savePlan } from "./rollout-scene.ts";
import type { Behaviour } from "../../demo/kit/backend.ts";

/** Unhealthy hosts get nothing, so that requests to a canary without healthy ones fail. */
const healthChecked = `healthCheck:
      http: { path: /healthz }
      interval: 500ms
      timeout: 500ms
      healthyThreshold: 1
      unhealthyThreshold: 1
    loadBalancer: { healthyPanicThreshold: 0 }`;

/** Each turn takes so long, and a hold is longer than a good and a bad one. */
const TURN_MS = 5_000;
const plan = { steps: [20, 50].map((weight) => ({ ...rolloutStep(weight), hold: "12s" })), gates: rolloutGates };

/** Good for one turn, bad for the next, and so on until the end of the scope. */
function flap({ canary }: RolloutPlace, bad: Behaviour): Disposable {
  let isBad = false;
  const turns = setInterval(() => {
    isBad = !isBad;
    canary.set(isBad ? bad : {});
  }, TURN_MS);
  return {
    [Symbol.dispose]: () => {
      clearInterval(turns);
      canary.set({});
    },
  };
}

/** Over both Envoys. */
async function sumOf({ envoys }: RolloutPlace, counter: string): Promise<number> {
  const counts = await Promise.all(envoys.map((envoy) => envoy.counter(counter)));
  return counts.reduce((sum, each) => sum + each, 0);
}

test("a canary that flaps is taken back from all Envoys within a second, and only its own requests fail", async () => {
  await using place = await startRolloutPlace("files", healthChecked);
  const [fairway] = place.controllers;
  if (fairway === undefined) throw new Error("there is a controller");
  const file = await savePlan({ stateDir: place.directory }, plan);
  for (const [what, bad] of [
    ["in its answers", { failure: { answer: 500, percent: 40, pathPrefix: "/shop" } }],
    ["in its health", { failure: { answer: 503, pathPrefix: "/healthz" } }],
  ] as const) {
    const failedBefore = await sumOf(place, "cluster.shop|canary.upstream_rq_5xx");
    const loads = place.urls.map((url) =>
      Load.start({ url: `${url}shop`, requestsPerSecond: 100, accept: (status) => status === 200 }),
    );
    const started = ["start", "shop", "--target", what, "--plan", file];
    using flapping = flap(place, bad);
    const job = await rollout({ fairway }, ...started, "--wait", "--timeout", "90s");
    flapping[Symbol.dispose]();
    expect(job, `${what}: ${job.text}`).toMatchObject({ code: 3 });
    const ended = await rolloutNow({ fairway });
    expect(ended.outcome).toMatchObject({ kind: "rolled-back" });
    expect(ended.steps.map(({ weight }) => weight)).not.toContain(100);
    expect(ended.steps.at(-1)).toMatchObject({ kind: "rollback", weight: 0, nodesCount: 2, laggards: [] });

    // From the decision to the last Envoy: measured, and told in every form.
    expect(ended.outcome?.tookMs).toBeLessThan(1_000);
    const report = async (format: string) => (await rollout({ fairway }, "report", "shop", "-o", format)).text;
    const { rollback } = JSON.parse(await report("json")) as RolloutReport;
    expect(rollback).toEqual({ timeToSafeMs: ended.outcome?.tookMs });
    expect(await report("md")).toMatch(/Time to safe: \*\*[\d.]+ m?s\*\*/);
    expect(await report("junit")).toMatch(/Time to safe: [\d.]+ m?s\./);
    expect(await report("html")).toContain("time to safe");
    expect((await rollout({ fairway }, "status", "shop")).text).toMatch(/every Envoy had it after 0\.\d\d s/);

    const reports = await Promise.all(loads.map((load) => load.stop()));
    const failed = reports.reduce((sum, load) => sum + load.failed, 0);
    expect(failed, what).toBeGreaterThan(0);
    expect(failed, what).toBe((await sumOf(place, "cluster.shop|canary.upstream_rq_5xx")) - failedBefore);
    expect(await sumOf(place, "cluster.shop|stable.upstream_rq_5xx")).toBe(0);
    for (const url of place.urls) {
      expect((await Load.run({ url: `${url}shop`, count: 100 })).byLabel).toEqual({ v1: 100 });
    }
  }
}, 240_000);
