/**
 * A scene with a split between two versions, and rollouts of it as CI starts them.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { ranWith } from "../etcd/fairway-command.ts";
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
  shop: { rules: [{ split: shop, timeouts: { request: 1s } }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

/** `stable` is the first backend, `canary` the second. */
export function rolloutScene(options: Pick<SceneOptions, "envoy" | "args">): Promise<Scene> {
  return startScene({ backends: 2, config, ...options });
}

/** Runs `fairway rollout …` against the scene. */
export function rollout(of: Scene, ...args: readonly string[]) {
  return ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${of.fairway.adminPort}` }, "rollout", ...args);
}

/** Starts one by this plan and waits for its end. */
export async function rolledOut(of: Scene, target: string, plan: object) {
  const path = join(of.stateDir, "plan.json");
  await writeFile(path, JSON.stringify(plan, undefined, 2));
  const { code, text } = await rollout(of, "start", "shop", "--target", target, "--plan", path, "--wait");
  return { code, text, rollout: await of.fairway.get<RolloutJson>("/v1/rollouts/shop") };
}
