/**
 * A rollout whose evidence comes by way of two replicas, of which one stands still for a while and then handles what it was
 * told before: old reports that come late count nothing, and nothing counts twice.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { ranWith } from "./fairway-command.ts";
import { Replicas } from "./replicas.ts";

const config = ({ port }: { readonly port: number }) => `
gateways:
  edge: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  one: { discovery: { etcd: {} } }
  two: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ split: shop }] }
splits:
  shop: { backends: { stable: { service: one }, canary: { service: two } }, default: { stable: 100 } }
`;

const plan = {
  split: "shop",
  steps: [{ weight: 50, hold: "200s", maxHold: "300s", minRequests: 60 }],
  gates: { successRate: { objective: 95 } },
};

const REQUESTS_PER_SECOND = 100;
/** What the Envoy has answered before the rollout, and what would be counted again if old reports were taken for a restart. */
const LIFE = 3_000;

test("what a stopped replica handles late falsifies no evidence", async () => {
  await using replicas = await Replicas.start({ backends: 2, config, envoy: { statsFlushInterval: "1s" } });
  const [v1, v2] = replicas.backends;
  if (v1 === undefined || v2 === undefined) throw new Error("there are two backends");
  await replicas.put("/services/one/1", v1.address);
  await replicas.put("/services/two/1", v2.address);
  await replicas.agree();
  await replicas.answers();
  const server = (index: number) => `http://127.0.0.1:${replicas.at(index).fairway.adminPort}`;
  const set = (canary: number) =>
    ranWith({ FAIRWAY_SERVER: server(0) }, "split", "set", "shop", `canary=${canary}`, "--wait");
  expect((await set(50)).code).toBe(0);
  await Load.run({ url: replicas.url, count: 2 * LIFE, concurrency: 8 });
  expect((await set(0)).code).toBe(0);
  await using load = Load.start({ url: replicas.url, concurrency: 2, requestsPerSecond: REQUESTS_PER_SECOND });

  const body = JSON.stringify({ target: "v2", plan });
  const headers = { "content-type": "application/json" };
  const started = await fetch(`${server(0)}/v1/rollouts`, { method: "POST", headers, body });
  expect(started.status, await started.text()).toBe(201);
  const at = (index: number) => replicas.at(index).fairway.get<RolloutJson>("/v1/rollouts/shop");
  const until = (index: number, what: string, is: (of: RolloutJson) => boolean) =>
    waitUntil(async () => ((seen) => (is(seen) ? seen : undefined))(await at(index)), {
      what,
      timeoutMs: 60_000,
      everyMs: 50,
    });
  await until(0, "the weights", ({ phase }) => phase === "converging" || phase === "settling");
  const before = [v2.requests, v1.requests];
  await until(0, "measuring", ({ phase }) => phase === "measuring");

  /** Counted at the most so far, of canary and baseline, against what the backends have answered in all. */
  const worst = { canary: 0, baseline: 0 };
  const countedAt = (index: number) =>
    until(index, "an answer", (seen) => {
      const { canary, baseline } = seen.steps.at(-1) ?? {};
      worst.canary = Math.max(worst.canary, (canary?.completed ?? 0) - (v2.requests - (before[0] ?? 0)));
      worst.baseline = Math.max(worst.baseline, (baseline?.completed ?? 0) - (v1.requests - (before[1] ?? 0)));
      return true;
    }).then((seen) => seen.steps.at(-1)?.canary?.completed ?? 0);
  const grows = async (index: number, byRequests: number) => {
    const from = await countedAt(index);
    await waitUntil(async () => ((await countedAt(index)) >= from + byRequests ? true : undefined), {
      what: `${byRequests} more requests at replica ${index}`,
      timeoutMs: 60_000,
      everyMs: 50,
    });
  };
  await grows(0, 100);
  for (const stopped of [1, 0, 1, 0]) {
    process.kill(replicas.at(stopped).fairway.pid, "SIGSTOP");
    try {
      // The other one takes over, and counts on for a while.
      await grows(1 - stopped, 4 * REQUESTS_PER_SECOND);
    } finally {
      process.kill(replicas.at(stopped).fairway.pid, "SIGCONT");
    }
    await grows(1 - stopped, 2 * REQUESTS_PER_SECOND);
    await grows(stopped, REQUESTS_PER_SECOND);
    expect(worst, `after replica ${stopped} had stood still`).toEqual({ canary: 0, baseline: 0 });
  }
  const { phase, sentence } = await at(0);
  expect(phase, sentence).toBe("measuring");
  // Nothing is left out either, but what has not been reported yet.
  const counted = await countedAt(0);
  expect(counted).toBeGreaterThan((v2.requests - (before[0] ?? 0)) / 2);
  await load.stop();
}, 300_000);
