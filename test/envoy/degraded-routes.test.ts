/**
 * Which route a canary makes worse, as real Envoys tell it: the canary is bad on one of two routes, goes back, and the
 * report names that route. Nothing is told before the rollout and nothing after it, and no listener changes.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutReport } from "../../src/rollout/report.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

const config: SceneOptions["config"] = ({ port, backends }) => `
nodes: { default: { runtime: {}, routeReports: true } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 }, fallback: stable } }
routes:
  shop:
    rules:
      - name: checkout
        matches: [{ path: { prefix: /checkout } }]
        split: shop
      - name: main
        split: shop
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

const gates = { successRate: { objective: 95 }, latency: { threshold: "300ms", objective: 90 } };
const plan = { steps: [{ weight: 30, hold: "20s", maxHold: "90s", minRequests: 60 }], gates };

function rollout(of: Scene, ...args: readonly string[]) {
  return ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${of.fairway.adminPort}` }, "rollout", ...args);
}

function reportOf(of: Scene): Promise<RolloutReport> {
  return of.fairway.get<RolloutReport>("/v1/rollouts/shop/report?format=json");
}

/** Requests that the Envoy has told of. */
function toldCount(of: Scene): Promise<number> {
  return of.envoy.counter("access_logs.grpc_access_log.logs_written");
}

describe.each(["1.40", "1.36"] as const)("the report of a rollout, with Envoy %s", { timeout: 300_000 }, (version) => {
  test("names the one route of two on which the canary fails, and both when it is slow", async () => {
    const envoy = { version, runtime: true, statsFlushInterval: "1s" };
    await using running = await startScene({ backends: 2, config, envoy });
    const [, v2] = running.backends;
    const file = join(running.stateDir, "plan.json");
    await writeFile(file, JSON.stringify(plan));
    const start = (target: string) =>
      rollout(running, "start", "shop", "--target", target, "--plan", file, "--actor", "ci", "--wait");
    const load = (path: string) =>
      Load.start({ url: `${running.url}${path}`, requestsPerSecond: 100, accept: () => true });
    const loads = [load(""), load("checkout/pay")];
    await waitUntil(() => Promise.resolve((running.backends[0]?.requests ?? 0) > 100), {
      what: "requests",
      timeoutMs: 20_000,
    });
    expect(await toldCount(running)).toBe(0);

    v2?.set({ failure: { answer: 503, percent: 60, pathPrefix: "/checkout" } });
    const failed = await start("errors");
    expect(failed, failed.text).toMatchObject({ code: 3 });
    const { routes } = await reportOf(running);
    expect(routes).toMatchObject({ isKnown: true, comparedCount: 2, worseCount: 1 });
    const [worst] = routes?.worst ?? [];
    expect(worst).toMatchObject({ route: "shop/checkout", worseIn: ["errors"], baseline: { errors: { count: 0 } } });
    const lines = (await readFile(join(running.configDir, "main.yaml"), "utf8")).split("\n");
    expect(worst?.at).toBe(
      `${join(running.configDir, "main.yaml")}:${lines.findIndex((line) => line.includes("name: checkout")) + 1}`,
    );
    expect(worst?.canary.errors.count).toBeGreaterThan(10);
    expect(worst?.canary.errors.share).toBeGreaterThan(0.3);
    expect((await rollout(running, "report", "shop")).text).toContain("**shop/checkout (");

    v2?.set({ delayMs: 450 });
    const late = await start("slow");
    expect(late, late.text).toMatchObject({ code: 3 });
    const slow = (await reportOf(running)).routes?.worst ?? [];
    expect(slow.map(({ route }) => route).toSorted()).toEqual(["shop/checkout", "shop/main"]);
    for (const { worseIn, canary, baseline } of slow) {
      expect(worseIn).toEqual(["slow"]);
      expect(canary.slow?.share).toBeGreaterThan(0.5);
      // Not a few of a busy machine's: that they are hardly any.
      expect(baseline.slow?.share).toBeLessThan(0.1);
    }
    await Promise.all(loads.map((each) => each.stop()));
    const isOff = async () => !(await ask(running.envoy.adminPort, "/runtime")).text.includes("route_reports");
    await waitUntil(isOff, { what: "the end of it", timeoutMs: 20_000 });
    const told = await toldCount(running);
    expect(told).toBeGreaterThan(10);
    await Load.run({ url: running.url, count: 300 });
    expect(await toldCount(running)).toBe(told);
    expect(await running.envoy.counter("listener_manager.listener_modified")).toBe(0);
  });
});
