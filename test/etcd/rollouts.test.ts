/** Rollouts kept in a real etcd: any replica goes on with one, whoever is killed, and of two that begin at once one does. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
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
  steps: [20, 50].map((weight) => ({ weight, hold: "2s", maxHold: "90s", minRequests: 60 })),
  gates: { successRate: { objective: 95 } },
};

test("a rollout goes on at the other replica when one is killed at each step, and is promoted once", async () => {
  await using directory = await tempDir();
  const file = join(directory.path, "plan.json");
  await writeFile(file, JSON.stringify(plan));
  await using replicas = await Replicas.start({ backends: 2, config });
  for (const [index, name] of ["one", "two"].entries()) {
    await replicas.put(`/services/${name}/1`, replicas.backends[index]?.address ?? "");
  }
  await replicas.agree();
  await replicas.answers();
  const rollout = (index: number, ...args: readonly string[]) =>
    ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${replicas.at(index).fairway.adminPort}` }, "rollout", ...args);
  const start = (index: number, target: string) =>
    rollout(index, "start", "shop", "--target", target, "--plan", file, "--actor", `ci-${target}`);
  const load = Load.start({
    url: replicas.url,
    concurrency: 2,
    requestsPerSecond: 100,
    accept: (status) => status === 200,
  });

  // Two jobs at once, at two replicas.
  const both = await Promise.all([start(0, "a"), start(1, "b")]);
  expect(both.map(({ code }) => Number(code)).toSorted((a, b) => a - b)).toEqual([0, 6]);
  const at = (index: number) => replicas.at(index).fairway.get<RolloutJson>("/v1/rollouts/shop");
  const until = (index: number, what: string, is: (of: RolloutJson) => boolean) =>
    waitUntil(async () => ((seen) => (is(seen) ? seen : undefined))(await at(index)), {
      what,
      timeoutMs: 100_000,
      everyMs: 50,
    });
  // The other one is told whose is on.
  const winner = both[0]?.code === 0 ? "a" : "b";
  const told = both.find(({ code }) => code === 6)?.text;
  expect(told).toContain(`nothing is changed: shop-1 is on: ${winner}, started by ci-${winner}`);
  const begun = await until(1, "the rollout at the other replica", ({ number }) => number === 1);
  expect(begun).toMatchObject({ id: "shop-1", target: winner, startedBy: `ci-${winner}` });
  expect(begun.audit.filter(({ action }) => action === "start")).toHaveLength(1);
  // Whichever has the Envoy is killed, so that the other one has to hear of it as well.
  for (const [step, what] of [
    [1, "the first step"],
    [2, "the second step"],
  ] as const) {
    const serving = await replicas.onOne();
    await until(serving, what, ({ step: now, phase }) => phase === "done" || (now === step && phase === "measuring"));
    await replicas.at(serving).fairway.kill("SIGKILL");
    await replicas.at(serving).fairway.restart();
  }
  const over = await until(0, "the end", ({ phase }) => phase === "done" || phase === "paused");
  expect(over.outcome?.kind, over.sentence).toBe("promoted");
  expect(over.steps.map(({ kind, result, weight }) => [kind, result, weight])).toEqual([
    ["weight", "passed", 20],
    ["weight", "passed", 50],
    ["promotion", "passed", 100],
  ]);
  const history = async () =>
    (await replicas.at(1).fairway.get<{ readonly history: readonly object[] }>("/v1/splits/shop/history")).history;
  // The other one hears of the last change a moment later.
  await eventually("all changes at the other replica", async () => (await history()).length >= 3);
  expect(await history()).toHaveLength(3);
  const report = await load.stop();
  expect(report.byStatus["503"] ?? 0, report.failures.join()).toBe(0);
}, 300_000);
