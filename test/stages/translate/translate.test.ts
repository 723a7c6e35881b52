/**
 * Which resources each group gets.
 */
import { describe, expect, it } from "vitest";
import type { Route } from "../../../src/model/intent-route.ts";
import type { Intent } from "../../../src/model/intent.ts";
import { createTranslationMemo, translate } from "../../../src/translate/translate.ts";
import {
  backend,
  buildIntent,
  gateway,
  group,
  helloIntent,
  place,
  raw,
  route,
  rule,
  service,
  subset,
} from "../../support/build-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";

/** `Cluster reviews`, … of one group. */
function namesOf(intent: Intent, name = "default"): readonly string[] {
  const found = translate(intent).find((resources) => resources.group.name === name);
  return (found?.resources ?? []).map((resource) => `${resource.typeUrl.split(".").at(-1)} ${resource.name}`);
}

function clustersOf(intent: Intent, name: string): readonly string[] {
  return namesOf(intent, name).flatMap((text) => (text.startsWith("Cluster ") ? [text.slice("Cluster ".length)] : []));
}

const twoGroups = buildIntent({
  groups: [group("edge"), group("mesh")],
  gateways: [gateway("public", { groups: ["edge"] }), gateway("inside", { groups: ["mesh"] })],
  services: [service("cart"), service("shop"), service("spare")],
  routes: [
    route("shop", [rule("main", [backend("shop")])]),
    route("cart", [rule("main", [backend("cart")])], { gateways: ["inside/http"] }),
  ],
});

describe("translate", () => {
  it("gives a service a cluster and endpoints, a listener its route configuration", () => {
    expect(namesOf(helloIntent())).toEqual([
      "Cluster hello",
      "ClusterLoadAssignment hello",
      "Listener public/http",
      "RouteConfiguration public/http",
    ]);
  });

  it("gives JSON that the Envoy API takes", () => {
    for (const { typeUrl, json } of translate(helloIntent())[0]?.resources ?? []) {
      expect(envoyApi.encode(typeUrl, json)).toMatchObject({ ok: true });
    }
  });

  it("gives a listener without routes an empty route configuration", () => {
    const resources = translate(buildIntent({ gateways: [gateway("public")] }))[0]?.resources ?? [];
    expect(resources.at(-1)?.json).toEqual({
      name: "public/http",
      virtualHosts: [],
      ignorePortInHostMatching: true,
      validateClusters: false,
    });
  });

  it("gives a group its own gateways' services and those that no route names", () => {
    expect(clustersOf(twoGroups, "edge")).toEqual(["shop", "spare"]);
    expect(clustersOf(twoGroups, "mesh")).toEqual(["cart", "spare"]);
  });

  it("restricts a group to the services it lists, and what its routes need", () => {
    const intent = { ...twoGroups, groups: [group("edge", { services: ["cart"] }), group("mesh", { services: [] })] };
    expect(clustersOf(intent, "edge")).toEqual(["cart", "shop"]);
    expect(clustersOf(intent, "mesh")).toEqual(["cart"]);
  });

  it("gives a group the service that only a raw resource of it names", () => {
    const tcp = raw("envoy.config.listener.v3.Listener", "tcp", {
      filterChains: [{ filters: [{ cluster: "cart|v1" }] }],
    });
    const services = [service("cart", { subsets: [subset("v1", {})] })];
    const intent = { ...twoGroups, services, rawResources: [{ ...tcp, groups: ["edge"] }] };
    expect(clustersOf(intent, "edge")).toEqual(["cart", "cart|v1"]);
  });

  it("gives a group the service that its routes mirror to, and a cluster for the copies with the same hosts", () => {
    const mirrored = (to: readonly { readonly service: string; readonly subset?: string }[]) => {
      const mirrors = to.map((each) => ({ at: place(), ...each }));
      const routes = [route("shop", [rule("main", [backend("shop")], { mirrors })]), ...twoGroups.routes.slice(1)];
      return { ...twoGroups, services: [...twoGroups.services.slice(0, 2), spare], routes };
    };
    const spare = service("spare", { subsets: [subset("mirror", {})] });
    const intent = mirrored([{ service: "spare" }, { service: "spare" }, { service: "shop" }]);
    expect(clustersOf(intent, "edge")).toEqual(["shop", "spare", "spare|mirror", "shop||mirror", "spare||mirror"]);
    expect(clustersOf(intent, "mesh")).toEqual(["cart"]);
    const memo = createTranslationMemo();
    const clusterOf = (each: Intent, name: string) =>
      translate(each, memo)[0]?.resources.find((resource) => resource.name === name);
    const before = clusterOf(intent, "spare||mirror");
    expect(before?.json).toMatchObject({ name: "spare||mirror", edsClusterConfig: { serviceName: "spare" } });
    const fewer = mirrored([{ service: "spare" }, { service: "spare", subset: "mirror" }]);
    expect(clusterOf(fewer, "shop||mirror")).toBeUndefined();
    expect(clusterOf(fewer, "spare|mirror|mirror")?.json).toMatchObject({
      edsClusterConfig: { serviceName: "spare|mirror" },
    });
    expect(clusterOf(fewer, "spare||mirror"), "what is the same is not made again").toBe(before);
  });

  it("gives a route on two gateways the policies of each", () => {
    const policy = (requestMs: number) => ({
      at: place(),
      policy: { name: `p${requestMs}`, at: place(), timeouts: { at: place(), requestMs } },
    });
    const intent = buildIntent({
      gateways: [gateway("fast", { policies: [policy(1_000)] }), gateway("slow", { policies: [policy(60_000)] })],
      services: [service("hello")],
      routes: [route("hello", [rule("main", [backend("hello")])], { gateways: ["fast", "slow"] })],
    });
    const routeConfigurations = (translate(intent)[0]?.resources ?? []).filter(({ typeUrl }) =>
      typeUrl.endsWith("RouteConfiguration"),
    );
    expect(
      routeConfigurations.map(({ name, json }) => [name, /"timeout":"(\w+)"/.exec(JSON.stringify(json))?.[1]]),
    ).toEqual([
      ["fast/http", "1s"],
      ["slow/http", "60s"],
    ]);
  });

  it("attaches a route to one listener of a gateway when it says which", () => {
    const listeners = ["a", "b"].map((name, index) => ({ name, at: place(), port: 10_000 + index }));
    const intent = buildIntent({
      gateways: [gateway("public", { listeners })],
      services: [service("hello")],
      routes: [route("hello", [rule("main", [backend("hello")])], { gateways: ["public/b"] })],
    });
    const [a, b] = (translate(intent)[0]?.resources ?? []).filter(({ typeUrl }) =>
      typeUrl.endsWith("RouteConfiguration"),
    );
    expect(a?.json["virtualHosts"]).toEqual([]);
    expect(b?.json["virtualHosts"]).toHaveLength(1);
  });

  it("passes raw resources on, to the groups they name or to all, without `@type`", () => {
    const everywhere = raw("envoy.service.runtime.v3.Runtime", "rt", { layer: {} });
    const intent = {
      ...twoGroups,
      rawResources: [everywhere, { ...everywhere, name: "edge-only", groups: ["edge"] }],
    };
    expect(namesOf(intent, "edge").slice(-2)).toEqual(["Runtime rt", "Runtime edge-only"]);
    expect(namesOf(intent, "mesh").at(-1)).toBe("Runtime rt");
    expect(translate(intent)[0]?.resources.at(-1)?.json).toEqual({ layer: {} });
  });

  it("shares what several groups have, down to the object", () => {
    const [edge, mesh] = translate(twoGroups);
    const spare = edge?.resources.find(({ name }) => name === "spare");
    expect(mesh?.resources).toContain(spare);
  });
});

describe("the memo", () => {
  const routeTo = (name: string) => route("shop", [rule("main", [backend(name)])]);

  it("gives a gateway the same objects while its routes are the same", () => {
    const memo = createTranslationMemo();
    const before = translate(twoGroups, memo);
    const after = translate({ ...twoGroups, services: [...twoGroups.services, service("more")] }, memo);
    const ofGateway = (groups: typeof before) =>
      groups[0]?.resources.filter(({ name }) => name === "public/http") ?? [];
    expect(ofGateway(after)).toHaveLength(2);
    expect(ofGateway(after).map((resource, index) => resource === ofGateway(before)[index])).toEqual([true, true]);
  });

  it("translates a gateway anew when a policy of it changed", () => {
    const memo = createTranslationMemo();
    const withTimeout = (requestMs: number): Intent => {
      const policy = { name: "p", at: place(), timeouts: { at: place(), requestMs } };
      return { ...twoGroups, gateways: [gateway("public", { groups: ["edge"], policies: [{ at: place(), policy }] })] };
    };
    translate(withTimeout(1_000), memo);
    expect(JSON.stringify(translate(withTimeout(2_000), memo))).toContain('"timeout":"2s"');
  });

  it.each<[string, readonly Route[]]>([
    ["changed", [routeTo("cart")]],
    ["came", [routeTo("shop"), route("cart", [rule("main", [backend("cart")])])]],
    ["went", []],
  ])("translates a gateway anew when one of its routes %s", (_what, routes) => {
    const memo = createTranslationMemo();
    translate({ ...twoGroups, routes: [routeTo("shop")] }, memo);
    const changed = { ...twoGroups, routes };
    expect(translate(changed, memo)).toEqual(translate(changed));
  });
});
