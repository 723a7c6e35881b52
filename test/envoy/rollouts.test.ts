/**
 * Rollouts as CI drives them, on a real Envoy with real requests: a good version goes from 0 to 100 %, a bad one goes back.
 */
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

const config: SceneOptions["config"] = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
routes:
  shop: { rules: [{ split: shop }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

const scene = (): Promise<Scene> =>
  startScene({ backends: 2, config, envoy: { override: { stats_flush_interval: "1s" } } });

const plan = {
  split: "shop",
  steps: [
    { weight: 20, hold: "3s", maxHold: "60s", minRequests: 100 },
    { weight: 50, hold: "3s", maxHold: "60s", minRequests: 100 },
  ],
  gates: { successRate: { objective: 95 }, latency: { threshold: "300ms", objective: 90 } },
};

async function post(
  of: Scene,
  path: string,
  body: object,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(`http://127.0.0.1:${of.fairway.adminPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

function now(of: Scene): Promise<RolloutJson> {
  return of.fairway.get<RolloutJson>("/v1/rollouts/shop");
}

/** The rollout when it is over or paused. */
function over(of: Scene): Promise<RolloutJson> {
  const isOver = async () => {
    const rollout = await now(of);
    return rollout.phase === "done" || rollout.phase === "paused" ? rollout : undefined;
  };
  return waitUntil(isOver, { what: "the end of the rollout", timeoutMs: 120_000, everyMs: 50 });
}

describe("a rollout", () => {
  test("of a good version goes from 0 to 100 %, and no request is lost", async () => {
    await using running = await scene();
    await using load = Load.start({ url: running.url, requestsPerSecond: 200 });
    const started = await post(running, "/v1/rollouts", { plan, target: "v2", actor: "ci" });
    expect(started.status, JSON.stringify(started.body)).toBe(201);
    const rollout = await over(running);
    expect(rollout.outcome?.kind).toBe("promoted");
    const report = await load.stop();
    expect(report.failed).toBe(0);
  }, 180_000);
});
