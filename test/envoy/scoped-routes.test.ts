/**
 * Scoped routes (SRDS) with four real Envoys: a header of the request says which route configuration answers it.
 *
 * The listener stays as it is all the while; scopes come and go by themselves, and each leads Envoy to the route
 * configuration that it asks for next.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";

const ADS = "{ ads: {}, resource_api_version: V3 }";
const HTTP = "type.googleapis.com/envoy.extensions.filters";

/** Which route configuration a scope leads to; each route configuration is that of a service of this name. */
type Scopes = Readonly<Record<string, string>>;

const services = ["one", "two", "three"];
const used = (scopes: Scopes) => services.filter((service) => Object.values(scopes).includes(service));

/** A service that no scope leads to is not there at all. */
const config =
  (scopes: Scopes) =>
  ({ members, backends }: FourPorts): string =>
    `
nodes:
${members.map(({ name }) => `  ${name}: { match: { cluster: ${name} }, updates: { grace: 250ms }, removalGuard: off }`).join("\n")}
services:
${used(scopes)
  .map((service) => `  ${service}: { endpoints: ["${backends[services.indexOf(service)]}"] }`)
  .join("\n")}
resources:
${members.map(listener).join("")}
${Object.entries(scopes)
  .map(([tenant, service]) => scope(tenant, service))
  .join("")}
${used(scopes).map(routes).join("")}
`;

const listener = ({ name, port }: FourPorts["members"][number]): string => `
  - "@type": ${typeUrls.listener}
    nodes: [${name}]
    name: scoped
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: http
            typed_config:
              "@type": ${HTTP}.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: scoped
              scoped_routes:
                name: scopes
                scope_key_builder: { fragments: [{ header_value_extractor: { name: x-tenant, index: 0 } }] }
                rds_config_source: ${ADS}
                scoped_rds: { scoped_rds_config_source: ${ADS} }
              http_filters: [{ name: router, typed_config: { "@type": ${HTTP}.http.router.v3.Router } }]`;

const scope = (tenant: string, service: string): string => `
  - "@type": ${typeUrls.scopedRoute}
    name: scope-${tenant}
    route_configuration_name: routes-${service}
    key: { fragments: [{ string_key: ${tenant} }] }`;

const routes = (service: string): string => `
  - "@type": ${typeUrls.route}
    name: routes-${service}
    virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ${service} } }] }]`;

let four: Four;

beforeAll(async () => {
  four = await startFour({ backends: 3, config: config({ red: "one", blue: "two" }) });
});
afterAll(() => four[Symbol.asyncDispose]());

/** The status and the backend of an answer. */
async function answer({ port }: Member, tenant: string): Promise<string> {
  const { status, headers } = await ask(port, "/", { headers: { "x-tenant": tenant } });
  return `${status} ${String(headers["x-backend"] ?? "-")}`;
}

async function answers(member: Member, tenant: string, wanted: string): Promise<void> {
  await waitUntil(async () => (await answer(member, tenant)) === wanted, {
    what: `${tenant} to be answered ${wanted}`,
  });
}

/** What nothing leads to any more leaves after a grace. */
async function clustersAre({ envoy }: Member, count: number): Promise<void> {
  const own = 1;
  await waitUntil(async () => (await envoy.counter("cluster_manager.active_clusters")) === own + count, {
    what: "the cluster to leave",
  });
}

/** Makes a change while somebody asks for `red`; returns what each Envoy was told. */
async function changeUnderLoad(scopes: Scopes, after: (member: Member) => Promise<void>) {
  const marks = four.members.map(({ relay }) => relay.told.length);
  const loads = four.members.map(({ url }) =>
    Load.start({ url, concurrency: 2, requestsPerSecond: 100, headers: { "x-tenant": "red" } }),
  );
  await four.change(config(scopes)(four.ports));
  await four.each(after);
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(reports.map(({ failures }) => failures)).toEqual(four.members.map(() => []));
  for (const { envoy } of four.members) expect(await envoy.counter("listener_manager.listener_modified")).toBe(0);
  return (member: Member) => member.relay.told.slice(marks[four.members.indexOf(member)]);
}

const { cluster, endpoints, scopedRoute, route } = typeUrls;

test("a request goes where the scope of its header leads, and is answered 404 without one", async () => {
  await four.each(async (member) => {
    await answers(member, "red", "200 v1");
    await answers(member, "blue", "200 v2");
    expect(await answer(member, "green")).toBe("404 -");
  });
});

test("a scope that is added works without a change of the listener, and what it leads to comes before it", async () => {
  const told = await changeUnderLoad({ red: "one", blue: "two", green: "three" }, (member) =>
    answers(member, "green", "200 v3"),
  );
  await four.each(async (member) =>
    expect(told(member).map(({ typeUrl }) => typeUrl)).toEqual([cluster, endpoints, scopedRoute, route]),
  );
});

test("a scope that moves to a route configuration of another one loses no request", async () => {
  const told = await changeUnderLoad({ red: "three", blue: "two", green: "three" }, async (member) => {
    await answers(member, "red", "200 v3");
    await clustersAre(member, 2);
  });
  const all = ["scope-blue", "scope-green", "scope-red"];
  await four.each(async (member) =>
    expect(told(member)[0]).toMatchObject({
      typeUrl: scopedRoute,
      names: member.api === "delta" ? ["scope-red"] : all,
    }),
  );
});

test("a scope that is removed gives 404, and its cluster leaves after it", async () => {
  const told = await changeUnderLoad({ red: "three", green: "three" }, async (member) => {
    await answers(member, "blue", "404 -");
    await clustersAre(member, 1);
  });
  await four.each(async (member) => {
    const [first, ...others] = told(member);
    const { names, removed } =
      member.api === "delta"
        ? { names: [], removed: ["scope-blue"] }
        : { names: ["scope-green", "scope-red"], removed: [] };
    expect(first).toMatchObject({ typeUrl: scopedRoute, names, removed });
    expect(others.at(-1)).toMatchObject({ typeUrl: cluster });
    const rejected = [...(await member.envoy.stats("update_rejected$"))].filter(([, count]) => count > 0);
    expect(rejected).toEqual([]);
  });
});
