/**
 * Real gRPC clients that have no Envoy: they find services by `xds:///name`, follow the routes, and lose no call
 * when anything changes. All implementations that are here do so side by side, with one control plane.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { examplesDir } from "../support/examples.ts";
import type { GrpcClient } from "./grpc-client.ts";
import { clientPrograms } from "./grpc-programs.ts";
import { startGrpcScene } from "./grpc-scene.ts";

const programs = await clientPrograms();

test("find a service by its name without a route, follow weights, headers, methods and a port, and report their load", async () => {
  await using scene = await startGrpcScene({
    backends: 3,
    args: ["--load-report-interval=1s"],
    config: ([a = "", b = "", c = ""]) => `
gateways:
  mesh:
    listeners:
      - { name: services, protocol: GRPC_XDS, hostnames: [a, b] }
      - { name: routed, protocol: GRPC_XDS, hostnames: [orders.test], port: 50051 }
services:
  a: { endpoints: ["${a}"] }
  b: { endpoints: ["${b}"] }
  c: { endpoints: ["${c}"] }
routes:
  orders:
    hostnames: ["*.test"]
    rules:
      - matches: [{ headers: { x-canary: "1" } }]
        backends: [{ service: c }]
      - matches: [{ path: /shop.Orders/Cancel }, { path: /shop.Users }]
        backends: [{ service: b }]
      - backends: [{ service: a, weight: 90 }, { service: b, weight: 10 }, { service: c, weight: 0 }]
        timeouts: { request: 5s }
        retry: { attempts: 2, on: [unavailable, 5xx], backoff: { base: 25ms } }
patches:
  - { target: { type: Cluster, name: "*" }, merge: { lrs_server: { self: {} } } }
`,
  });
  for (const program of programs) {
    const byName = await scene.client(program, "xds:///b");
    expect(await byName.call({ count: 5 })).toEqual({ answers: { b: 5 }, failures: [] });
    const client = await scene.client(program, "xds:///orders.test:50051");
    const { answers, failures } = await client.call({ count: 400 });
    expect(failures).toEqual([]);
    // 40 of 400 are expected; so far off is one run in a million.
    expect(answers["b"]).toBeGreaterThan(12);
    expect(answers["b"]).toBeLessThan(75);
    expect(answers["c"]).toBeUndefined();
    expect((await client.call({ count: 5, headers: { "x-canary": "1" } })).answers).toEqual({ c: 5 });
    expect((await client.call({ count: 5, method: "/shop.Orders/Cancel" })).answers).toEqual({ b: 5 });
    expect((await client.call({ count: 5, method: "/shop.Users/Find" })).answers).toEqual({ b: 5 });
  }
  await scene.synced(2 * programs.length);
  // 5 by name, 400 by weight and 15 by rules.
  const callsCount = programs.length * 420;
  const reported = async (): Promise<number> => {
    const { clusters } = await scene.fairway.get<{ readonly clusters: readonly { readonly issued: number }[] }>(
      "/v1/load",
    );
    return clusters.reduce((sum, { issued }) => sum + issued, 0);
  };
  await waitUntil(async () => (await reported()) >= callsCount, {
    what: "every call to be in a load report",
    timeoutMs: 30_000,
  });
  expect(await reported()).toBe(callsCount);
});

/** One name for clients, with a grace that a test can wait for; without a backend it leads to the service `orders`. */
function config(services: Readonly<Record<string, string>>, backend?: string): string {
  const lines = Object.entries(services).map(([name, host]) => `  ${name}: { endpoints: ["${host}"] }`);
  return `
nodes:
  apps: { match: { cluster: apps }, updates: { grace: 200ms } }
gateways:
  mesh: { nodes: apps, listeners: [{ name: grpc, protocol: GRPC_XDS, hostnames: [orders, stays] }] }
services:
  stays: { endpoints: [] }
${lines.join("\n")}
${backend === undefined ? "" : `routes: { orders: { hostnames: [orders], rules: [{ backends: [{ service: ${backend} }] }] } }`}
`;
}

test("lose no call while endpoints, routes and clusters change and the control plane restarts, and hear of a name that goes", async () => {
  await using scene = await startGrpcScene({ backends: 2, config: ([a = ""]) => config({ orders: a }) });
  const [a = "", b = ""] = scene.addresses;
  const clients: GrpcClient[] = [];
  for (const program of programs) clients.push(await scene.client(program, "xds:///orders"));
  const answer = (label: string): Promise<void> =>
    scene.callUntil(clients, ({ answers }) => Object.keys(answers)[0] === label);
  await answer("a");
  for (const client of clients) await client.startLoad();
  // Endpoints.
  await scene.save(config({ orders: b }));
  await answer("b");
  // The route to another cluster, which is new.
  await scene.save(config({ orders: b, newer: a }, "newer"));
  await answer("a");
  // The cluster that is used is renamed.
  await scene.save(config({ newest: b }, "newest"));
  await answer("b");
  // The control plane is killed, and comes back with other content.
  await scene.fairway.kill("SIGKILL");
  await scene.save(config({ newest: a }, "newest"));
  await scene.fairway.restart();
  await answer("a");
  for (const [index, client] of clients.entries()) {
    const { answers, failures } = await client.stopLoad();
    const known = programs[index]?.knownFailure;
    expect(failures.filter((failure) => known?.test(failure) !== true)).toEqual([]);
    expect(answers["a"]).toBeGreaterThan(10);
    expect(answers["b"]).toBeGreaterThan(10);
  }
  await scene.synced(clients.length);

  await scene.save(config({ newest: a }, "newest").replace("[orders, stays]", "[stays]"));
  await scene.callUntil(clients, ({ failures }) => /^unavailable/i.test(failures[0] ?? ""));
  await scene.save(config({ newest: a }, "newest"));
  const returning = clients.filter((_, index) => programs[index]?.missesReturn !== true);
  await scene.callUntil(returning, ({ answers }) => answers["a"] === 1);
});

test("accept all of examples/grpc-clients", async () => {
  const text = readFileSync(join(examplesDir, "grpc-clients", "fairway.yaml"), "utf8");
  await using scene = await startGrpcScene({ backends: 0, config: () => text });
  const targets = ["xds:///orders", "xds:///users.internal:50051"];
  for (const program of programs) {
    // Nobody is at the addresses of the example, so no call is waited for.
    for (const target of targets) void (await scene.client(program, target)).call().catch(() => undefined);
  }
  const count = programs.length * targets.length;
  const statuses = await waitUntil(
    async () => {
      const found = await scene.statuses();
      return found.length === count && !found.includes("not_sent") && !found.includes("stale") ? found : undefined;
    },
    { what: "every client to have what it asks for", timeoutMs: 20_000 },
  );
  expect(new Set(statuses)).toEqual(new Set(["synced"]));
});
