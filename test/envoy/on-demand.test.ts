/**
 * Resources that real Envoys, the newest and the oldest that is tried, ask for when the first request needs them:
 * clusters (ODCDS) and virtual hosts (VHDS). The first request waits for the answer, so every answer must come at
 * once, also that there is none.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Backend } from "../../demo/kit/backend.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { freePorts } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { createBootstrap } from "../../src/cli/bootstrap.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Far below every timeout that Envoy would wait for, and far above what a busy machine takes. */
const AT_ONCE_MS = 3_000;

const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ON_DEMAND = "envoy.extensions.filters.http.on_demand.v3.OnDemand";
const ads = { ads: {}, resource_api_version: "V3" };
/** So long a starting Envoy would keep its listener closed if it heard nothing of virtual hosts that it did not ask for. */
const FETCH_TIMEOUT_MS = 15_000;
/** Envoy 1.36 takes virtual hosts from a stream of their own and no other. */
const ownStream = {
  resource_api_version: "V3",
  api_config_source: {
    api_type: "DELTA_GRPC",
    transport_api_version: "V3",
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: "fairway_xds" } }],
  },
};
const typed = (type: string, fields: object = {}) => ({ "@type": `type.googleapis.com/${type}`, ...fields });

/** A listener of one Envoy whose on-demand filter fetches what the routes need. */
function listener(name: string, { port, nodes }: { readonly port: number; readonly nodes: string }): object {
  const onDemand = { odcds: { source: ads, timeout: "10s" } };
  const filters = [
    { name: "envoy.filters.http.on_demand", typed_config: typed(ON_DEMAND, onDemand) },
    { name: "envoy.filters.http.router", typed_config: typed("envoy.extensions.filters.http.router.v3.Router") },
  ];
  const manager = {
    stat_prefix: name,
    rds: { route_config_name: name, config_source: ads },
    http_filters: filters,
  };
  return typed("envoy.config.listener.v3.Listener", {
    nodes: [nodes],
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: typed(HCM, manager) }] }],
  });
}

function virtualHost(name: string, domains: readonly string[], cluster: string): object {
  return typed("envoy.config.route.v3.VirtualHost", {
    name,
    domains,
    routes: [{ match: { prefix: "/" }, route: { cluster } }],
  });
}

interface Parts {
  readonly services: Readonly<Record<string, string>>;
  readonly hosts: readonly object[];
  /** Changes the route configuration of the virtual hosts. */
  readonly header?: string;
}

let stack: AsyncDisposableStack;
let configDir: string;
let backends: readonly Backend[];
let fairway: Fairway;

/** Each is a group with listeners of its own, because they share the machine's ports. */
const kinds = [
  { name: "new", version: "1.40", wildcard: false, hostsFrom: ads },
  { name: "old", version: "1.36", wildcard: false, hostsFrom: ownStream },
  // It has every cluster, and asks by name for what a request needs all the same.
  { name: "all", version: "1.40", wildcard: true, hostsFrom: ads },
] as const;
let ports: readonly { readonly name: string; readonly clusters: number; readonly hosts: number }[];
/** Of a listener that is added while the Envoys run. */
let latePorts: readonly number[];
let envoys: readonly Envoy[];
let startedWithinMs: number;

function config({ services, hosts, header }: Parts): string {
  const byHeader = typed("envoy.config.route.v3.RouteConfiguration", {
    name: "clusters",
    virtual_hosts: [
      { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster_header: "x-cluster" } }] },
    ],
  });
  const byHost = kinds.map(({ name, hostsFrom }) =>
    typed("envoy.config.route.v3.RouteConfiguration", {
      nodes: [name],
      name: "hosts",
      vhds: { config_source: hostsFrom },
      ...(header === undefined ? {} : { request_headers_to_add: [{ header: { key: "x-h", value: header } }] }),
    }),
  );
  const resources = [
    ...ports.flatMap(({ name, clusters, hosts: port }) => [
      listener("clusters", { port: clusters, nodes: name }),
      listener("hosts", { port, nodes: name }),
    ]),
    byHeader,
    ...byHost,
    ...hosts,
  ];
  const endpoints = Object.entries(services).map(([name, host]) => [name, { endpoints: [host] }]);
  const nodes = {
    ...Object.fromEntries(kinds.map(({ name }) => [name, { match: { cluster: name } }])),
    // What is removed is gone soon: these Envoys have no listeners, so the whole deadline is waited for theirs.
    collections: { match: { cluster: "collections" }, updates: { grace: "1s", deadline: "1s" } },
  };
  return JSON.stringify({ nodes, services: Object.fromEntries(endpoints), resources });
}

async function save(parts: Parts): Promise<void> {
  await writeFile(join(configDir, ".main.json.new"), config(parts));
  await rename(join(configDir, ".main.json.new"), join(configDir, "main.json"));
}

/** How a request was answered and by whom, by each Envoy, when they do not agree; it must not have waited for any timeout. */
async function get(kind: "clusters" | "hosts", headers: Readonly<Record<string, string>>): Promise<string> {
  const answers = await Promise.all(
    ports.map(async (portsOf) => {
      const startedMs = performance.now();
      const { status, headers: answered } = await ask(portsOf[kind], "/", { headers });
      expect(performance.now() - startedMs, portsOf.name).toBeLessThan(AT_ONCE_MS);
      return `${status} ${String(answered["x-backend"] ?? "-")}`;
    }),
  );
  return [...new Set(answers)].join(", ");
}

const toCluster = (name: string) => get("clusters", { "x-cluster": name });
const toHost = (host: string) => get("hosts", { host });

/** How many clusters the Envoys have that get them on demand only. */
const clustersCounts = () =>
  Promise.all(
    envoys
      .filter((_, index) => kinds[index]?.wildcard === false)
      .map((envoy) => envoy.counter("cluster_manager.active_clusters")),
  );
const routesShown = () =>
  Promise.all(envoys.map(async (envoy) => JSON.stringify(await envoy.configDump("resource=dynamic_route_configs"))));

let parts: Parts;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir());
  configDir = directory.join("config");
  await mkdir(configDir);
  backends = [stack.use(await Backend.start({ label: "a" })), stack.use(await Backend.start({ label: "b" }))];
  const free = await freePorts(3 * kinds.length);
  latePorts = free.slice(2 * kinds.length);
  ports = kinds.map(({ name }, index) => ({ name, clusters: free[2 * index] ?? 0, hosts: free[2 * index + 1] ?? 0 }));
  const [a = "", b = ""] = backends.map(({ address }) => address);
  parts = {
    services: { a, b },
    hosts: [virtualHost("hosts/one", ["one.test", "*.one.test"], "a"), virtualHost("hosts/two", ["two.test"], "b")],
  };
  await writeFile(join(configDir, "main.json"), config(parts));
  fairway = stack.use(await Fairway.start({ configDir, stateDir: directory.join("state") }));
  envoys = await Promise.all(
    kinds.map(async ({ name, version, wildcard }) => {
      const { cds_config: everything, ...rest } = dynamicResources(name);
      const override = { dynamic_resources: wildcard ? { ...rest, cds_config: everything } : rest };
      const { xdsPort } = fairway;
      return stack.use(await Envoy.start({ xdsPort, version, nodeId: name, cluster: name, override }));
    }),
  );
  const startedMs = performance.now();
  await Promise.all(envoys.map((envoy) => envoy.ready()));
  startedWithinMs = performance.now() - startedMs;
});

function dynamicResources(cluster: string, api: "delta" | "sotw" = "delta"): Readonly<Record<string, unknown>> {
  const { dynamic_resources: resources } = createBootstrap({
    nodeId: "any",
    cluster,
    api,
    xds: { host: "127.0.0.1", port: fairway.xdsPort },
    admin: { host: "127.0.0.1", port: 1 },
  });
  return resources as Readonly<Record<string, unknown>>;
}

afterAll(() => stack.disposeAsync());

test("an Envoy with virtual hosts on demand starts at once, because it is told that there is one less", async () => {
  expect(startedWithinMs).toBeLessThan(FETCH_TIMEOUT_MS / 2);
  for (const envoy of envoys) {
    expect([...(await envoy.stats("vhds.*init_fetch_timeout$")).values()]).toEqual([0]);
    expect([...(await envoy.stats("vhds.*update_rejected$")).values()]).toEqual([0]);
    expect(envoy.complaints()).toEqual([]);
  }
});

test("a cluster is fetched by the first request that needs it, with its endpoints", async () => {
  expect(await clustersCounts()).toEqual([1, 1]);
  expect(await toCluster("a")).toBe("200 a");
  expect(await clustersCounts()).toEqual([2, 2]);
});

test("a request for a cluster that does not exist fails at once, and works when it was created", async () => {
  expect(await toCluster("later")).toBe("503 -");
  await save({ ...parts, services: { ...parts.services, later: backends[1]?.address ?? "" } });
  await waitUntil(async () => (await toCluster("later")) === "200 b", { what: "the cluster that was created" });
});

test("a virtual host is fetched by the first request for one of its domains, and no other is", async () => {
  expect(await toHost("one.test")).toBe("200 a");
  expect(await toHost("shop.one.test")).toBe("200 a");
  for (const dump of await routesShown()) {
    expect(dump).toContain("hosts/one");
    expect(dump).not.toContain("hosts/two");
  }
});

test("a request for a host that does not exist is answered 404 at once, and works when it was created", async () => {
  expect(await toHost("later.test")).toBe("404 -");
  await save({ ...parts, hosts: [...parts.hosts, virtualHost("hosts/later", ["later.test"], "b")] });
  await waitUntil(async () => (await toHost("later.test")) === "200 b", { what: "the host that was created" });
});

test("a virtual host that changes is sent by its name to who asked for one of its domains", async () => {
  expect(await toHost("two.test")).toBe("200 b");
  await save({ ...parts, hosts: [...parts.hosts.slice(0, 1), virtualHost("hosts/two", ["two.test"], "a")] });
  await waitUntil(async () => (await toHost("two.test")) === "200 a", { what: "the changed host" });
});

test("a virtual host that is removed is gone, and comes back on demand", async () => {
  await save({ ...parts, hosts: parts.hosts.slice(0, 1) });
  await waitUntil(async () => (await toHost("two.test")) === "404 -", { what: "the host to be gone" });
  await save(parts);
  await waitUntil(async () => (await toHost("two.test")) === "200 b", { what: "the host to be back" });
  expect(await toHost("one.test")).toBe("200 a");
});

test("the virtual hosts stay when their route configuration changes", async () => {
  await save({ ...parts, header: "new" });
  await waitUntil(async () => (await routesShown()).every((dump) => dump.includes("x-h")), {
    what: "the changed route configuration",
  });
  expect(await toHost("one.test")).toBe("200 a");
  expect(await toHost("two.test")).toBe("200 b");
});

test("a listener that comes later, with another route configuration on demand, opens at once as well", async () => {
  const late = kinds.flatMap(({ name, hostsFrom }, index) => [
    listener("late", { port: latePorts[index] ?? 0, nodes: name }),
    typed("envoy.config.route.v3.RouteConfiguration", {
      nodes: [name],
      name: "late",
      vhds: { config_source: hostsFrom },
    }),
  ]);
  await save({ ...parts, hosts: [...parts.hosts, ...late, virtualHost("late/all", ["*"], "a")] });
  const startedMs = performance.now();
  for (const port of latePorts) {
    await waitUntil(async () => (await ask(port, "/", { headers: { host: "late.test" } })).status === 200, {
      what: "the late listener to answer",
    });
  }
  expect(performance.now() - startedMs).toBeLessThan(FETCH_TIMEOUT_MS / 2);
  await save(parts);
});

test.each([
  { api: "delta", version: "1.40" },
  { api: "delta", version: "1.36" },
  { api: "sotw", version: "1.40" },
  { api: "sotw", version: "1.36" },
] as const)(
  "an Envoy $version that asks for a collection of clusters on $api has what is in it, and no other",
  async (of) => {
    const prefix = "xdstp:///envoy.config.cluster.v3.Cluster";
    const cluster = (name: string) =>
      typed("envoy.config.cluster.v3.Cluster", {
        name: `${prefix}/${name}`,
        type: "STATIC",
        load_assignment: { cluster_name: name },
      });
    await save({
      ...parts,
      hosts: [...parts.hosts, cluster("shop/one?b=2&a=1"), cluster("shop/plain"), cluster("other/two")],
    });
    const { lds_config: _, ...rest } = dynamicResources("collections", of.api);
    const override = { dynamic_resources: { ...rest, cds_resources_locator: `${prefix}/shop/*?b=2&a=1` } };
    const { xdsPort } = fairway;
    await using other = await Envoy.start({
      xdsPort,
      version: of.version,
      nodeId: "edge-2",
      cluster: "collections",
      override,
    });
    await other.ready();
    const names = async () => (await other.clusters()).cluster_statuses?.map(({ name }) => name).toSorted();
    const first = `fairway_xds,${prefix}/shop/one?b=2&a=1`;
    // What the Envoy before had may still be served when this one connects.
    await waitUntil(async () => String(await names()) === first, { what: "what is in the collection, and no other" });
    await save({ ...parts, hosts: [...parts.hosts, cluster("shop/one?b=2&a=1"), cluster("shop/three?a=1&b=2")] });
    await waitUntil(async () => (await names())?.length === 3, { what: "the cluster that came into the collection" });
    await save({ ...parts, hosts: [...parts.hosts, cluster("shop/three?a=1&b=2")] });
    await waitUntil(async () => (await names())?.length === 2, { what: "the cluster to leave" });
    await save(parts);
    // In SotW Envoy takes a response with nothing of its collection for none at all, and keeps the last that it has.
    if (of.api === "delta") await waitUntil(async () => (await names())?.length === 1, { what: "the last to leave" });
    expect([...(await other.stats("update_rejected$"))].filter(([, count]) => count > 0)).toEqual([]);
    await save(parts);
  },
);

test.each([
  { api: "delta", version: "1.40" },
  { api: "delta", version: "1.36" },
  { api: "sotw", version: "1.40" },
  { api: "sotw", version: "1.36" },
] as const)(
  "an Envoy $version on $api finds endpoints whose parameters are in another order in the config",
  async (of) => {
    const name = "xdstp:///envoy.config.endpoint.v3.ClusterLoadAssignment/shop?b=2&a=1";
    const address = { socket_address: { address: "127.0.0.1", port_value: 9 } };
    const resources = (connectTimeout: string) => [
      typed("envoy.config.cluster.v3.Cluster", {
        name: "shop",
        type: "EDS",
        connect_timeout: connectTimeout,
        eds_cluster_config: { service_name: name, eds_config: ads },
      }),
      typed("envoy.config.endpoint.v3.ClusterLoadAssignment", {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
      }),
    ];
    await save({ ...parts, hosts: [...parts.hosts, ...resources("1s")] });
    const { lds_config: _, ...rest } = dynamicResources("collections", of.api);
    const override = { dynamic_resources: rest };
    const { xdsPort } = fairway;
    const { version } = of;
    await using other = await Envoy.start({ xdsPort, version, nodeId: "edge-3", cluster: "collections", override });
    await other.ready();
    const dump = async () => JSON.stringify(await other.configDump("resource=dynamic_active_clusters"));
    await waitUntil(async () => (await dump()).includes(`"connect_timeout":"1s"`), { what: "the cluster" });
    expect(await other.counter("cluster.shop.membership_total")).toBe(1);
    await save({ ...parts, hosts: [...parts.hosts, ...resources("2s")] });
    // Without its endpoints right behind it the cluster would be warming for 15 s.
    await waitUntil(async () => (await dump()).includes(`"connect_timeout":"2s"`), { what: "the changed cluster" });
    expect(await other.counter("cluster.shop.membership_total")).toBe(1);
    await save(parts);
  },
);

test("everything is there after the control plane was restarted", async () => {
  await fairway.kill("SIGKILL");
  await fairway.restart();
  for (const envoy of envoys) {
    // An Envoy with a stream of its own for virtual hosts opens that one again when it pleases.
    const states = async () => [...(await envoy.stats("control_plane.connected_state$")).values()];
    await waitUntil(async () => (await states()).every((state) => state === 1), { what: "streams", timeoutMs: 30_000 });
  }
  expect(await toHost("one.test")).toBe("200 a");
  expect(await toHost("nobody.test")).toBe("404 -");
  expect(await toCluster("a")).toBe("200 a");
  expect(await toCluster("nobody")).toBe("503 -");
  for (const envoy of envoys) {
    const rejected = [...(await envoy.stats("update_rejected$"))].filter(([, count]) => count > 0);
    expect(rejected).toEqual([]);
  }
});
