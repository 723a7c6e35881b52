/**
 * Rollouts of one split, `shop`, from v1 to v2: what the tests of them and `npm run sim:kills` share.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

/** The split, and the service whose subsets share its requests. */
export const splitConfig = (backends: readonly string[], words = ""): string => `
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
    ${words}
routes:
  shop: { rules: [{ split: shop, timeouts: { request: 1s } }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

/** All of it, for one Envoy. */
export const rolloutConfig: SceneOptions["config"] = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
${splitConfig(backends)}`;

/** `stable` is the first backend, `canary` the second. */
export function rolloutScene(options: Pick<SceneOptions, "envoy" | "args">): Promise<Scene> {
  return startScene({ backends: 2, config: rolloutConfig, ...options });
}

/** Every five seconds would be most of a test. */
export const reporting = { statsFlushInterval: "1s" } as const;

/** One that is over soon, if its canary is good. */
export const rolloutStep = (weight: number) => ({ weight, hold: "2s", maxHold: "60s", minRequests: 60 });
export const rolloutGates = { successRate: { objective: 95 }, latency: { threshold: "300ms", objective: 90 } };
export const rolloutPlan = { steps: [rolloutStep(20), rolloutStep(50)], gates: rolloutGates };

type Serving = Pick<Scene, "fairway">;

/** Runs `fairway rollout …` against the scene. */
export function rollout({ fairway }: Serving, ...args: readonly string[]) {
  return ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${fairway.adminPort}` }, "rollout", ...args);
}

/** Runs `fairway split …` against the scene. */
export function split({ fairway }: Serving, ...args: readonly string[]) {
  return ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${fairway.adminPort}` }, "split", ...args);
}

/** Returns where the plan is. */
export async function savePlan({ stateDir }: Pick<Scene, "stateDir">, plan: object): Promise<string> {
  const path = join(stateDir, "plan.json");
  await writeFile(path, JSON.stringify(plan, undefined, 2));
  return path;
}

/** As it stands. */
export function rolloutNow({ fairway }: Serving): Promise<RolloutJson> {
  return fairway.get<RolloutJson>("/v1/rollouts/shop");
}

export function rolloutUntil(
  of: Serving,
  what: string,
  is: (rollout: RolloutJson) => boolean,
  timeoutMs = 90_000,
): Promise<RolloutJson> {
  const look = async () => {
    const seen = await rolloutNow(of);
    return is(seen) ? seen : undefined;
  };
  return waitUntil(look, { what, timeoutMs, everyMs: 20 });
}

/** Over, or it needs somebody. */
export const isOver = ({ phase }: Pick<RolloutJson, "phase">) => phase === "done" || phase === "paused";

/** Starts one by this plan and waits for its end. */
export async function rolledOut(of: Scene, target: string, plan: object) {
  const path = await savePlan(of, plan);
  const { code, text } = await rollout(of, "start", "shop", "--target", target, "--plan", path, "--wait");
  return { code, text, rollout: await rolloutNow(of) };
}
