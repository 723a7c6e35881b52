/**
 * What four real Envoys hold, and what they are told when something changes, is missing, is bad or comes back.
 *
 * Each rule is one edit that all four get; the relays show what went over the wire for it, and the Envoys' admin
 * pages what came of it.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";

const { cluster, endpoints, listener, route } = typeUrls;

/** Without endpoints Envoy waits 15 s for them. */
const STALL_MS = 5_000;

/** What a test changes; the rest stays. */
interface Parts {
  readonly shop?: string;
  readonly services?: readonly string[];
  readonly resources?: readonly string[];
}

const config =
  ({ shop, services = [], resources = [] }: Parts = {}) =>
  ({ backends, groups }: FourPorts): string =>
    [
      // An Envoy that comes back may drain listeners, and what it has that is gone stays as long.
      groups("updates: { grace: 250ms }, consistency: warn, removalGuard: off", "drain: { time: 1s }"),
      "services:",
      `  shop: { endpoints: [${shop ?? `"${backends[0]}"`}] }`,
      `  other: { endpoints: ["${backends[1]}"] }`,
      ...services,
      "routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }",
      ...(resources.length === 0 ? [] : ["resources:", ...resources]),
      "",
    ].join("\n");

let four: Four;

beforeAll(async () => {
  four = await startFour({ backends: 2, config: config() });
});
afterAll(() => four[Symbol.asyncDispose]());

/** Makes a change and returns, for each Envoy, what was asked and told meanwhile. */
async function change(parts: Parts) {
  const marks = new Map(
    four.members.map(({ name, relay }) => [name, [relay.asked.length, relay.told.length] as const]),
  );
  await four.change(config(parts)(four.ports));
  return ({ name, relay }: Member) => {
    const [asked, told] = marks.get(name) ?? [0, 0];
    return { asked: relay.asked.slice(asked), told: relay.told.slice(told) };
  };
}

/** Clusters that a test before has taken away go after their grace, and the Envoys are told so then. */
async function leftoversGone(): Promise<void> {
  const own = ["shop", "other", "fairway_xds"].length;
  await four.each(({ envoy }) =>
    waitUntil(async () => (await envoy.counter("cluster_manager.active_clusters")) === own, {
      what: "leftovers to go",
    }),
  );
}

/** The hosts of a cluster, or undefined when the Envoy has no such cluster. */
async function hostsOf({ envoy }: Member, name: string): Promise<readonly number[] | undefined> {
  const { cluster_statuses: statuses = [] } = await envoy.clusters();
  const found = statuses.find((status) => status.name === name);
  return found === undefined
    ? undefined
    : (found.host_statuses ?? []).map(({ address }) => address?.socket_address?.port_value ?? 0);
}

/** A worker of Envoy may know of a change a moment later than the thread that acknowledges it. */
async function answers({ url }: Member, from: string | number): Promise<void> {
  await waitUntil(
    async () => {
      const { headers, status } = await fetch(url);
      return (headers.get("x-backend") ?? status) === from;
    },
    { what: `an answer from ${from}`, timeoutMs: 20_000 },
  );
}

const edsCluster = (name: string, serviceName: string): string =>
  `  - { "@type": ${cluster}, name: ${name}, type: EDS, eds_cluster_config: { service_name: ${serviceName}, eds_config: { ads: {}, resource_api_version: V3 } } }`;

const assignment = (name: string, address: string): string => {
  const [host = "", port = ""] = address.split(":");
  const socket = `{ socket_address: { address: ${host}, port_value: ${port} } }`;
  return `  - { "@type": ${endpoints}, cluster_name: ${name}, endpoints: [{ lb_endpoints: [{ endpoint: { address: ${socket} } }] }] }`;
};

test("a change of endpoints sends these endpoints and nothing else, and requests go there", async () => {
  const [, second = ""] = four.ports.backends;
  const seen = await change({ shop: `"${second}"` });
  await four.each(async (member) => {
    expect(seen(member).told.map(({ typeUrl, names }) => [typeUrl, names])).toEqual([[endpoints, ["shop"]]]);
    await answers(member, "v2");
  });
});

test("a service that loses its last endpoint has none in Envoy, and gets requests again with the next", async () => {
  await change({ shop: "" });
  await four.each(async (member) => {
    expect(await hostsOf(member, "shop")).toEqual([]);
    await answers(member, 503);
  });
  await change({});
  await four.each(async (member) => await answers(member, "v1"));
});

test("endpoints that do not exist are answered at once, so that their cluster waits for nothing, and are sent when they come to be", async () => {
  const [first = ""] = four.ports.backends;
  const startedAt = performance.now();
  const seen = await change({ resources: [edsCluster("lonely", "nowhere")] });
  expect(performance.now() - startedAt).toBeLessThan(STALL_MS);
  await four.each(async (member) => {
    const given = seen(member).told.filter(({ typeUrl }) => typeUrl === endpoints);
    const { names, removed } =
      member.api === "delta" ? { names: [], removed: ["nowhere"] } : { names: ["nowhere"], removed: [] };
    expect(given.map((told) => ({ names: told.names, removed: told.removed }))).toEqual([{ names, removed }]);
    expect(await hostsOf(member, "lonely")).toEqual([]);
  });
  await change({ resources: [edsCluster("lonely", "nowhere"), assignment("nowhere", first)] });
  await four.each(async (member) => expect(await hostsOf(member, "lonely")).toEqual([four.backends[0]?.port]));
  await change({});
});

test("a load assignment that no cluster names is sent to nobody and holds nothing up", async () => {
  await leftoversGone();
  const [first = "", second = ""] = four.ports.backends;
  const orphan = assignment("orphan", first);
  const added = await change({ resources: [orphan] });
  await four.each(async (member) => expect(added(member).told).toEqual([]));
  const seen = await change({ resources: [orphan], shop: `"${second}"` });
  await four.each(async (member) => {
    expect(seen(member).told.map(({ names }) => names)).toEqual([["shop"]]);
    await answers(member, "v2");
  });
  await change({});
});

test("a cluster that left and returns is given the endpoints that Envoy has forgotten, also when they never left", async () => {
  await leftoversGone();
  const [first = ""] = four.ports.backends;
  const stays = assignment("visitors", first);
  const both = {
    services: [`  guest: { endpoints: ["${first}"] }`],
    resources: [edsCluster("visitor", "visitors"), stays],
  };
  const port = four.backends[0]?.port;
  const hosts = async (member: Member) => [await hostsOf(member, "guest"), await hostsOf(member, "visitor")];
  await change(both);
  await four.each(async (member) => expect(await hosts(member)).toEqual([[port], [port]]));
  await change({ resources: [stays] });
  await leftoversGone();
  const startedAt = performance.now();
  const seen = await change(both);
  expect(performance.now() - startedAt).toBeLessThan(STALL_MS);
  await four.each(async (member) => {
    const given = seen(member).told.filter(({ typeUrl }) => typeUrl === endpoints);
    expect(given.flatMap(({ names }) => names).toSorted()).toEqual(["guest", "visitors"]);
    expect(await hosts(member)).toEqual([[port], [port]]);
  });
  await change({});
});

test("a rejected cluster is refused once, the good one beside it is in force, and later changes pass", async () => {
  await leftoversGone();
  const [first = "", second = ""] = four.ports.backends;
  const hopeless = `  - { "@type": ${cluster}, name: hopeless, transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { tls_params: { cipher_suites: [NOPE] } } } } }`;
  const marks = four.members.map(({ relay }) => relay.asked.length);
  const bad = { services: [`  good: { endpoints: ["${first}"] }`], resources: [hopeless] };
  await four.save(config(bad)(four.ports));
  const rejections = (member: Member) =>
    member.relay.asked.slice(marks[four.members.indexOf(member)]).filter(({ error }) => error !== undefined);
  await four.each(async (member) => {
    await waitUntil(() => rejections(member).length > 0, { what: "the rejection" });
    await waitUntil(async () => (await hostsOf(member, "good"))?.length === 1, { what: "the good cluster" });
  });
  for (const shop of [second, first, second]) {
    const { label: wanted } = four.backends[four.ports.backends.indexOf(shop)] ?? {};
    await four.save(config({ ...bad, shop: `"${shop}"` })(four.ports));
    await four.each((member) => answers(member, wanted ?? ""));
  }
  await four.each(async (member) => {
    expect(rejections(member).map(({ typeUrl, error }) => [typeUrl, error?.includes("hopeless")])).toEqual([
      [cluster, true],
    ]);
    expect((await four.nodes()).get(member.name)?.status).toBe("error");
  });
  await change({});
  await four.each(async (member) => expect((await four.nodes()).get(member.name)?.status).toBe("synced"));
});

test("an Envoy that reconnects says what it holds and is told nothing that it has", async () => {
  await leftoversGone();
  const streams = four.members.map(({ relay }) => relay.asked.at(-1)?.stream ?? 0);
  const before = await four.each(({ envoy }) => counters(envoy));
  for (const { relay } of four.members) relay.cut();
  await four.each(async (member) => {
    const { relay, api, envoy } = member;
    const broken = streams[four.members.indexOf(member)] ?? 0;
    const asked = (typeUrl: string) => relay.askedFor(typeUrl).filter(({ stream }) => stream > broken);
    await waitUntil(() => [cluster, endpoints, listener, route].every((type) => asked(type).length > 0), {
      what: "the requests of the next stream",
    });
    for (const type of [cluster, endpoints, listener, route]) {
      const [first] = asked(type);
      expect(first?.nonce).toBe("");
      if (api === "delta") expect(Object.keys(first?.initialVersions ?? {}).length).toBeGreaterThan(0);
      else expect(first?.version).not.toBe("");
    }
    await waitUntil(async () => (await four.nodes()).get(member.name)?.status === "synced", { what: "being synced" });
    const told = relay.told.filter(({ stream }) => stream > broken);
    if (api === "delta") expect(told.flatMap(({ names, removed }) => [...names, ...removed])).toEqual([]);
    else expect(told.filter(({ typeUrl }) => typeUrl === cluster || typeUrl === listener)).toEqual([]);
    expect(await counters(envoy)).toEqual(before[four.members.indexOf(member)]);
  });
});

test("an Envoy that was away is told what changed and what is gone, and on delta nothing else", async () => {
  const [first = "", second = ""] = four.ports.backends;
  await change({ services: [`  early: { endpoints: ["${first}"] }`] });
  for (const { relay } of four.members) relay.setAway(true);
  const marks = four.members.map(({ relay }) => relay.told.length);
  const served = await four.nodes();
  await four.save(config({ shop: `"${second}"`, services: [`  late: { endpoints: ["${first}"] }`] })(four.ports));
  await waitUntil(
    async () => {
      const { groups } = await four.fairway.get<{
        readonly groups: readonly { readonly current?: { readonly version: string } }[];
      }>("/v1/snapshots");
      return groups.every(({ current }) => ![...served.values()].some(({ wanted }) => wanted === current?.version));
    },
    { what: "the new snapshots" },
  );
  for (const { relay } of four.members) relay.setAway(false);
  await four.each(async (member) => {
    await answers(member, "v2");
    await waitUntil(async () => (await hostsOf(member, "late"))?.length === 1, { what: "the new cluster" });
    await waitUntil(async () => (await hostsOf(member, "early")) === undefined, {
      what: "the cluster that is gone to leave",
    });
    const told = member.relay.told.slice(marks[four.members.indexOf(member)]);
    const names = told.flatMap((response) => response.names).toSorted();
    const changed = ["late", "late", "shop"];
    expect(names).toEqual(member.api === "delta" ? changed : expect.arrayContaining(changed));
    if (member.api === "delta") expect(told.flatMap(({ removed }) => removed)).toEqual(["early"]);
  });
});

test("no response names a resource twice, is compressed, or conceals which control plane sent it", async () => {
  await four.each(async ({ relay, envoy }) => {
    const twice = relay.told.filter(({ names }) => new Set(names).size < names.length);
    expect(twice).toEqual([]);
    expect(relay.headers.filter((headers) => (headers["grpc-encoding"] ?? "identity") !== "identity")).toEqual([]);
    expect([...new Set(relay.told.map(({ identifier }) => identifier))]).toEqual([expect.stringContaining("fairway")]);
    expect(await envoy.textStat("control_plane.identifier")).toBe(relay.told[0]?.identifier);
    expect((await ask(envoy.adminPort, "/ready")).status).toBe(200);
  });
});

/** How often an Envoy took in anything that changed it. */
async function counters(envoy: Member["envoy"]): Promise<Readonly<Record<string, number>>> {
  const found = await envoy.stats(
    "^(cluster_manager\\.cluster_(added|modified|removed)|listener_manager\\.listener_(added|modified|removed|in_place_updated))$",
  );
  return Object.fromEntries(found);
}
