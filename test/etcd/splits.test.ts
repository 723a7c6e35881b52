/** Weights of a split in a real etcd: set at one replica, served by all, whoever is killed. */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import type { SplitJson } from "../../src/admin/split-schema.ts";
import type { NodeView } from "../envoy/scene.ts";
import { eventually } from "../support/eventually.ts";
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

test("weights that are set at one replica are in force at all, and stay when it is killed", async () => {
  await using replicas = await Replicas.start({ backends: 2, config });
  for (const [index, name] of ["one", "two"].entries()) {
    await replicas.put(`/services/${name}/1`, replicas.backends[index]?.address ?? "");
  }
  await replicas.agree();
  await replicas.answers();
  const serving = await replicas.onOne();
  const other = 1 - serving;
  const load = Load.start({
    url: replicas.url,
    concurrency: 2,
    requestsPerSecond: 100,
    // Before its instances are there a service has no host.
    accept: (status) => status === 200,
  });
  const splitAt = (index: number) => replicas.at(index).fairway.get<SplitJson>("/v1/splits/shop");
  const set = (index: number, ...args: readonly string[]) =>
    ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${replicas.at(index).fairway.adminPort}` }, "split", ...args);

  // The replicas tell each other of their Envoys once a second.
  await eventually("the Envoy to be known at the other replica", async () => {
    const { nodes } = await replicas.at(other).fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes");
    return nodes.length === 1 && nodes[0]?.status === "synced";
  });
  // The Envoy is at the other replica, and is waited for all the same.
  const answer = await set(other, "set", "shop", "canary=100", "--wait", "--actor", "ci");
  expect(answer).toMatchObject({ code: 0 });
  expect(answer.text).toContain("applied: 1 of 1 Envoys have it");
  const versions = () => Promise.all([0, 1].map(async (index) => (await splitAt(index)).number));
  expect(await versions()).toEqual([1, 1]);
  const all = await Load.run({ url: replicas.url, concurrency: 2, count: 300 });
  expect(all).toMatchObject({ failed: 0, byLabel: { v2: 300 } });

  // Two at once, at two replicas: one of them is told that it was late.
  const both = await Promise.all(
    [0, 1].map((index) => set(index, "set", "shop", `canary=${40 + index}`, "--if-match", "1")),
  );
  expect(both.map(({ code }) => Number(code)).toSorted((a, b) => a - b)).toEqual([0, 6]);

  await replicas.at(serving).fairway.kill("SIGKILL");
  // Until the lease of the dead one ends, it counts as having it.
  expect(await replicas.onOne()).toBe(other);
  await eventually("the second change at the other replica and its Envoy", async () => {
    const { number, state, acknowledgedCount } = await splitAt(other);
    return number === 2 && state === "applied" && acknowledgedCount === 1;
  });
  expect(await splitAt(other)).toMatchObject({ number: 2, source: "live" });
  // Longer than it takes to be acknowledged, on any machine.
  const reset = await set(other, "set", "shop", "canary=0", "--lease", "5s", "--wait");
  expect(reset).toMatchObject({ code: 0 });
  await eventually("the end of the lease", async () => (await splitAt(other)).lastChange?.kind === "expired", {
    timeoutMs: 30_000,
  });
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("a replica that starts without etcd serves what it served, and no weights of the file", async () => {
  await using replicas = await Replicas.start({ count: 1, backends: 2, config });
  for (const [index, name] of ["one", "two"].entries()) {
    await replicas.put(`/services/${name}/1`, replicas.backends[index]?.address ?? "");
  }
  await replicas.agree();
  const { fairway, wire } = replicas.at(0);
  const env = { FAIRWAY_SERVER: `http://127.0.0.1:${fairway.adminPort}` };
  await eventually("traffic", async () => (await Load.run({ url: replicas.url, count: 1 })).failed === 0);
  expect(await ranWith(env, "split", "set", "shop", "canary=100", "--wait")).toMatchObject({ code: 0 });
  wire.hold();
  await fairway.restart();
  await eventually("the Envoy to be synced with it", async () => {
    const { nodes } = await fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes?scope=local");
    return nodes.some(({ connected, status }) => connected && status === "synced");
  });
  const { byLabel, failed } = await Load.run({ url: replicas.url, count: 200 });
  expect({ byLabel, failed }).toEqual({ byLabel: { v2: 200 }, failed: 0 });
  const refused = await ranWith(env, "split", "set", "shop", "canary=0");
  expect(refused.code).not.toBe(0);
  wire.release();
});
