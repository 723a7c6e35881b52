/**
 * What real Envoys report of their requests by themselves, of the newest version and of the oldest: the numbers are those
 * of the requests that were made.
 */
import { expect, test } from "vitest";
import { Backend } from "../../demo/kit/backend.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import { ask } from "../../demo/kit/get.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { slowCount } from "../../src/evidence/latency-histogram.ts";
import { latencyEdgesMs } from "../../src/evidence/latency-ladder.ts";
import { countedBetween } from "../../src/evidence/traffic-counters.ts";
import type { ClusterTraffic, NodeTraffic } from "../../src/evidence/traffic-view.ts";
import { RunningPlane } from "../invariants/running-plane.ts";

const versions = ["1.40", "1.36"] as const;

/** Two subsets of a service with dots in its name, and a rule of each; a tenth of a second is the longest that one waits. */
const config = (port: number, stable: Backend, canary = "127.0.0.1:1") => `
gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
routes:
  all:
    rules:
      - { name: canary, matches: [{ path: /canary }], backends: [{ service: shop.eu, subset: canary }] }
      - { name: hangs, matches: [{ path: /hangs }], timeouts: { request: 100ms }, backends: [{ service: shop.eu, subset: canary }] }
      - { name: main, backends: [{ service: shop.eu, subset: stable }] }
services:
  shop.eu:
    endpoints:
      - { address: "${stable.address}", labels: { version: v1 } }
      - { address: "${canary}", labels: { version: v2 } }
    subsets:
      stable: { labels: { version: v1 } }
      canary: { labels: { version: v2 } }
`;

const clusters = ["shop.eu|stable", "shop.eu|canary"] as const;

/** What the node has reported of a cluster, once so many requests are complete in it. */
function reported(running: RunningPlane, cluster: string, completed: number): Promise<ClusterTraffic> {
  return waitUntil(
    async () => {
      const [node] = running.plane.traffic.read([cluster]);
      const traffic = node?.clusters.get(cluster);
      return traffic !== undefined && traffic.completed >= completed ? traffic : undefined;
    },
    { what: `${completed} requests to ${cluster} in the reports`, timeoutMs: 20_000 },
  );
}

function slower(traffic: ClusterTraffic, thresholdMs: number): number {
  const { completed, latency } = traffic;
  if (latency === undefined) return completed;
  const slow = slowCount(latency, { completed, thresholdMs });
  if (!slow.ok) throw new Error(slow.error);
  return slow.value;
}

test.each(versions)(
  "Envoy %s counts what was answered, by time, and what was not as slow and failed",
  async (version) => {
    await using stack = new AsyncDisposableStack();
    const stable = stack.use(await Backend.start({ label: "v1", behaviour: { delayMs: 20 } }));
    const canary = stack.use(await Backend.start({ label: "v2", behaviour: { delayMs: 400 } }));
    const port = await freePort();
    const running = stack.use(
      await RunningPlane.start({ files: { "main.yaml": config(port, stable, canary.address) } }),
    );
    const started = { xdsPort: running.port, nodeId: "edge-1", version, statsFlushInterval: "1s" };
    const envoy = stack.use(await Envoy.start(started));
    await envoy.ready();
    for (let count = 0; count < 20; count += 1) await ask(port, "/");
    for (let count = 0; count < 5; count += 1) await ask(port, "/canary");
    for (let count = 0; count < 3; count += 1) expect((await ask(port, "/hangs")).status).toBe(504);
    canary.set({ failure: { answer: 500 } });
    for (let count = 0; count < 4; count += 1) expect((await ask(port, "/canary")).status).toBe(500);

    const ofStable = await reported(running, "shop.eu|stable", 20);
    const ofCanary = await reported(running, "shop.eu|canary", 12);
    expect(ofStable).toMatchObject({ completed: 20, errors: 0, healthyHosts: 1, totalHosts: 1 });
    expect(ofCanary).toMatchObject({ completed: 12, errors: 7, healthyHosts: 1, totalHosts: 1 });
    expect([ofStable.latency?.edgesMs, ofCanary.latency?.edgesMs]).toEqual([latencyEdgesMs, latencyEdgesMs]);
    expect([slower(ofStable, 15), slower(ofStable, 300)]).toEqual([20, 0]);
    expect([slower(ofCanary, 300), slower(ofCanary, 2_000)]).toEqual([8, 3]);
    const [node] = running.plane.traffic.read(clusters);
    expect([node?.nodeId, [...(node?.clusters.keys() ?? [])]]).toEqual(["edge-1", [...clusters]]);
    expect(envoy.complaints()).toEqual([]);
  },
);

test("a restart of the control plane loses no request, and one of the Envoy is noticed", async () => {
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(await Backend.start({ label: "v1" }));
  const port = await freePort();
  const first = await RunningPlane.start({ files: { "main.yaml": config(port, backend) } });
  const started = { xdsPort: first.port, nodeId: "edge-1", statsFlushInterval: "1s" };
  let envoy = await Envoy.start(started);
  stack.defer(async () => void (await envoy.close()));
  await envoy.ready();
  for (let count = 0; count < 10; count += 1) await ask(port, "/");
  const before = await reported(first, "shop.eu|stable", 10);
  const running = stack.use(
    await first.restartInPlace(async () => {
      for (let count = 0; count < 7; count += 1) await ask(port, "/");
    }),
  );
  const after = await reported(running, "shop.eu|stable", 17);
  expect(countedBetween(before, after)).toMatchObject({ completed: 7, errors: 0 });
  expect(after.latency?.counts.reduce((sum, count) => sum + count, 0)).toBe(17);

  await envoy.close();
  envoy = await Envoy.start(started);
  await envoy.ready();
  await ask(port, "/");
  const anew = await waitUntil(
    async () => {
      const traffic = running.plane.traffic.read(["shop.eu|stable"])[0]?.clusters.get("shop.eu|stable");
      return traffic?.completed === 1 ? traffic : undefined;
    },
    { what: "a report of the new Envoy", timeoutMs: 20_000 },
  );
  expect(countedBetween(after, anew)).toMatchObject({ completed: 1 });
});

test("an Envoy that was told not to report is connected and silent", async () => {
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(await Backend.start({ label: "v1" }));
  const files = { "main.yaml": config(await freePort(), backend) };
  const running = stack.use(await RunningPlane.start({ files }));
  const silent = { xdsPort: running.port, nodeId: "silent", trafficReports: false, statsFlushInterval: "1s" };
  const envoy = stack.use(await Envoy.start(silent));
  await envoy.ready();
  // It is no matter that it cannot listen where the other one does.
  stack.use(await Envoy.start({ xdsPort: running.port, nodeId: "talks", statsFlushInterval: "1s" }));
  const nodes = await waitUntil(
    async () => {
      const read = running.plane.traffic.read(clusters);
      return read.length > 0 ? read : undefined;
    },
    { what: "a report", timeoutMs: 20_000 },
  );
  expect(nodes.map(({ nodeId }: NodeTraffic) => nodeId)).toEqual(["talks"]);
  expect([...running.plane.fleet.nodes.keys()].sort()).toEqual(["silent", "talks"]);
});
