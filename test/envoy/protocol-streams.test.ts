/**
 * Four real Envoys without ADS: a stream for clusters, one for listeners, one for the endpoints of each cluster and one
 * for each route configuration.
 *
 * Fairway's own resources refer to ADS, so patches lead them to the services for single types, as somebody would who
 * has such Envoys. The streams of a node are ordered against each other, so that edits arrive and lose nothing.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { Load } from "../../demo/kit/load.ts";
import { ask } from "../../demo/kit/get.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";

interface Parts {
  readonly shop?: number;
  readonly limit?: number;
  readonly route?: string;
  /** What the first service is called. */
  readonly first?: string;
}

const source = (api: "delta" | "sotw") => ({
  resource_api_version: "V3",
  api_config_source: {
    api_type: api === "delta" ? "DELTA_GRPC" : "GRPC",
    transport_api_version: "V3",
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: "fairway_xds" } }],
  },
});

const config =
  ({ shop = 0, limit = 1_000, first = "shop", route = first }: Parts = {}) =>
  ({ members, backends, groups }: FourPorts): string =>
    `
${groups("updates: { grace: 250ms }, removalGuard: off")}
services:
  ${first}: { endpoints: ["${backends[shop]}"], circuitBreaker: { maxRequests: ${limit} } }
  other: { endpoints: ["${backends[1]}"] }
routes:
  shop: { rules: [{ backends: [{ service: ${route} }] }] }
patches:
${members
  .map(
    ({ name, api }) => `
  - target: { type: Cluster, name: "*" }
    nodes: [${name}]
    merge: { eds_cluster_config: { eds_config: ${JSON.stringify(source(api))} } }
  - target: { type: Listener, name: "${name}/http" }
    jsonPatch:
      - op: replace
        path: /filter_chains/0/filters/0/typed_config/rds/config_source
        value: ${JSON.stringify(source(api))}`,
  )
  .join("\n")}
`;

let four: Four;

beforeAll(async () => {
  four = await startFour({
    backends: 2,
    config: config(),
    converges: false,
    override: ({ api }) => ({ dynamic_resources: { cds_config: source(api), lds_config: source(api) } }),
  });
});
afterAll(() => four[Symbol.asyncDispose]());

async function answers({ url }: Member, from: string): Promise<void> {
  await waitUntil(async () => (await fetch(url)).headers.get("x-backend") === from, { what: `an answer from ${from}` });
}

test("each type has its stream, and each cluster one of its own for its endpoints", async () => {
  await four.each(async (member) => {
    await answers(member, "v1");
    const services = [
      ...new Map(member.relay.asked.map(({ stream, path }) => [stream, path.split(/[./]/).at(-2)])).values(),
    ];
    expect(services.toSorted((left = "", right = "") => left.localeCompare(right))).toEqual([
      "ClusterDiscoveryService",
      "EndpointDiscoveryService",
      "EndpointDiscoveryService",
      "ListenerDiscoveryService",
      "RouteDiscoveryService",
    ]);
  });
});

test("an endpoint that changes is told on its own stream, and gets the requests", async () => {
  const marks = four.members.map(({ relay }) => relay.told.length);
  await four.save(config({ shop: 1 })(four.ports));
  await four.each(async (member) => {
    await answers(member, "v2");
    const told = member.relay.told.slice(marks[four.members.indexOf(member)]);
    expect(told.map(({ path, names }) => [path.includes("EndpointDiscoveryService"), names])).toEqual([
      [true, ["shop"]],
    ]);
  });
  await four.save(config()(four.ports));
  await four.each((member) => answers(member, "v1"));
});

test("a cluster that changes is in force at once: its new endpoint stream is answered", async () => {
  await four.save(config({ limit: 77 })(four.ports));
  const startedAt = performance.now();
  await four.each(({ envoy }) =>
    waitUntil(
      async () => (await ask(envoy.adminPort, "/clusters")).text.includes("shop::default_priority::max_requests::77"),
      { what: "the limit" },
    ),
  );
  // Envoy waits 15 s for endpoints that do not come.
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await four.each((member) => answers(member, "v1"));
});

test("a route that moves to a cluster that was there gets there without a lost request", async () => {
  const loads = four.members.map(({ url }) => Load.start({ url, concurrency: 2, requestsPerSecond: 100 }));
  await four.save(config({ limit: 77, route: "other" })(four.ports));
  await four.each((member) => answers(member, "v2"));
  await four.save(config({ limit: 77 })(four.ports));
  await four.each((member) => answers(member, "v1"));
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(reports.map(({ failures }) => failures)).toEqual(four.members.map(() => []));
});

test("a service that is replaced in one edit loses no request: routes wait for the endpoints on their own streams", async () => {
  const loads = four.members.map(({ url }) => Load.start({ url, concurrency: 2, requestsPerSecond: 100 }));
  await four.save(config({ first: "store" })(four.ports));
  await four.each((member) => answers(member, "v1"));
  await four.each(({ envoy }) =>
    waitUntil(async () => (await ask(envoy.adminPort, "/config_dump")).text.includes('"cluster": "store"'), {
      what: "the route to the new cluster",
    }),
  );
  await four.save(config()(four.ports));
  await four.each(({ envoy }) =>
    waitUntil(async () => (await ask(envoy.adminPort, "/config_dump")).text.includes('"cluster": "shop"'), {
      what: "the route back",
    }),
  );
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(reports.map(({ failures }) => failures)).toEqual(four.members.map(() => []));
});
