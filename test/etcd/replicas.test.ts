/** Several replicas over one real etcd: they serve the same, and a real Envoy may move between them. */
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { eventually } from "../support/eventually.ts";
import { Replicas } from "./replicas.ts";

test("replicas that read the same serve the same versions after every change, of files as well", async () => {
  const file = (port: number) => `services: { filed: { endpoints: ["10.0.0.9:${port}"] } }`;
  await using replicas = await Replicas.start({ hasEnvoy: false, config: groupsConfig, file: file(80) });
  let before = await replicas.agree();
  expect(before).toMatch(/^inner \w{16}, outer \w{16}$/);
  const { port } = replicas;
  const changes = [
    () => replicas.put("/services/shop/two", "10.0.0.2:80"),
    () => replicas.put("/services/shop/three", JSON.stringify({ address: "10.0.0.3:80", weight: 2 })),
    () => replicas.push(groupsConfig({ port }).replace("prefix: /", "prefix: /shop")),
    () => replicas.remove("/services/shop/two"),
    () => Promise.all(replicas.all.map(({ filePath }) => writeFile(filePath, file(81)))),
    () => replicas.push(groupsConfig({ port })),
  ];
  for (const change of changes) {
    await change();
    before = await replicas.agree(before);
  }
});

describe.each(["delta", "sotw"] as const)("an Envoy (%s)", (api) => {
  test("of which the replica is killed is on the other within seconds, is sent nothing again, and loses no request", async () => {
    await using replicas = await Replicas.start({ api, backends: 2 });
    await replicas.agree();
    const first = await replicas.onOne();
    const load = Load.start({ url: replicas.url, concurrency: 2, requestsPerSecond: 100 });
    await eventually("traffic", () => load.report().sent > 50);
    const before = await updates(replicas);
    const killedAtMs = performance.now();
    await replicas.at(first).fairway.kill("SIGKILL");
    const second = await replicas.onOne();
    expect(second).toBe(1 - first);
    expect(performance.now() - killedAtMs).toBeLessThan(8_000);
    await eventually(
      "being connected",
      async () => (await replicas.envoy.counter("control_plane.connected_state")) === 1,
    );
    // What comes now comes after whatever the second replica had to say at first.
    await replicas.put("/services/shop/two", replicas.backends[1]?.address ?? "");
    await eventually("the new endpoint", async () => (await updates(replicas)).members === before.members + 1);
    const after = await updates(replicas);
    expect(after.config).toEqual(before.config);
    // State of the world has no versions of routes and endpoints, so they are told again; nothing is new in them.
    if (api === "delta") expect(after.named).toEqual([before.named[0], (before.named[1] ?? 0) + 1]);
    const { failed, failures, sent } = await load.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
    expect(sent).toBeGreaterThan(50);
  });
});

function groupsConfig({ port }: { readonly port: number }): string {
  return `
nodes:
  inner: { match: { cluster: inner } }
  outer: { match: { cluster: outer } }
gateways:
  inner: { nodes: inner, listeners: [{ name: http, port: ${port} }] }
  outer: { nodes: outer, listeners: [{ name: http, port: ${port} }] }
services:
  shop: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ matches: [{ path: { prefix: / } }], backends: [{ service: shop }] }] }
  filed: { hostnames: [filed.example], rules: [{ backends: [{ service: filed }] }] }
`;
}

/** How often Envoy took something over, by kind. */
async function updates({ envoy }: Replicas) {
  const [config, routes, endpoints, members] = await Promise.all([
    envoy.stats("(cds|lds)\\.update_success$|config_reload$|(cluster|listener)_(added|modified|removed)$"),
    envoy.counter("http.edge/http.rds.edge/http.update_success"),
    envoy.counter("cluster.shop.update_success"),
    envoy.counter("cluster.shop.membership_change"),
  ]);
  return { config: Object.fromEntries(config), named: [routes, endpoints], members };
}
