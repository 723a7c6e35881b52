/**
 * Listeners of HTTPS: which share an Envoy listener, what each chain shows, and who gets the secrets.
 */
import { describe, expect, test } from "vitest";
import type { ListenerJson } from "../../../src/gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { Intent } from "../../../src/model/intent.ts";
import type { Secret } from "../../../src/model/intent-secret.ts";
import { envoyTypes } from "../../../src/translate/envoy-resource.ts";
import { intentOf } from "../model/parse-text.ts";
import { commonHostname } from "../../../src/model/hostnames.ts";
import { translate } from "../../../src/translate/translate.ts";
import { backend, buildIntent, gateway, group, place, raw, route, rule, service } from "../../support/build-intent.ts";

const secret = (name: string): Secret => ({
  name,
  at: place(),
  kind: "certificate",
  certificate: { kind: "inline", pem: "certificate" },
  privateKey: { kind: "nodeFile", path: "/etc/key.pem" },
});

const https = (name: string, hostname: string | undefined, certificates: readonly string[] = [name]) => ({
  name,
  at: place(),
  port: 443,
  ...(hostname === undefined ? {} : { hostnames: [hostname] }),
  tls: { certificates },
});

function resourcesOf(intent: Intent, typeUrl: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    translate(intent).map(({ group: { name }, resources }) => [
      name,
      resources.filter((resource) => resource.typeUrl === typeUrl).map((resource) => resource.name),
    ]),
  );
}

function listenersOf(intent: Intent): readonly ListenerJson[] {
  return (translate(intent)[0]?.resources ?? [])
    .filter(({ typeUrl }) => typeUrl === envoyTypes.listener)
    .map(({ json }) => json as ListenerJson);
}

describe("HTTPS listeners", () => {
  test("of several gateways on one address are one Envoy listener, named for the address", () => {
    const intent = buildIntent({
      gateways: [
        gateway("a", { listeners: [https("one", "one.test"), { ...https("v6", undefined), address: "::1" }] }),
        gateway("b", { listeners: [https("two", "*.two.test"), https("rest", undefined)] }),
        gateway("c"),
      ],
    });
    const shown = listenersOf(intent).map(({ name, filterChains = [] }) => [
      name,
      filterChains.map((chain) => [chain.name, chain.filterChainMatch?.serverNames]),
    ]);
    expect(shown).toEqual([
      ["c/http", [[undefined, undefined]]],
      [
        "0.0.0.0:443",
        [
          ["a/one", ["one.test"]],
          ["b/two", ["*.two.test"]],
          ["b/rest", undefined],
        ],
      ],
      ["[::1]:443", [["a/v6", undefined]]],
    ]);
  });

  test("keep their Envoy listener's name and everything but its chains when another one joins or leaves", () => {
    const withListeners = (...names: readonly string[]) => {
      const listeners = names.map((name) => https(name, `${name}.test`));
      const [listener] = listenersOf(buildIntent({ gateways: [gateway("a", { listeners })] }));
      const { filterChains, ...rest } = listener ?? {};
      return { rest, chains: new Map((filterChains ?? []).map((chain) => [chain.name, chain])) };
    };
    const [both, one, other] = [withListeners("m", "n"), withListeners("m"), withListeners("n")];
    expect(one.rest).toEqual(both.rest);
    expect(other.rest).toEqual(both.rest);
    expect(one.chains.get("a/m")).toEqual(both.chains.get("a/m"));
  });
});

describe("a secret", () => {
  const services = [service("shop")];
  const routes = [route("shop", [rule("main", [backend("shop")])], { gateways: ["a", "b"] })];

  test("goes only to the groups whose gateways or raw resources name it", () => {
    const sds = { sds_config: { ads: {}, resource_api_version: "V3" } };
    const listener = raw("envoy.config.listener.v3.Listener", "raw", {
      deep: [{ name: "three", ...sds }, { name: "one" }],
    });
    const intent = buildIntent({
      groups: [group("edge"), group("inner"), group("raw")],
      gateways: [
        gateway("a", { groups: ["edge"], listeners: [https("one", undefined)] }),
        gateway("b", {
          groups: ["inner"],
          listeners: [{ ...https("two", undefined), tls: { certificates: ["two"], clientCa: "ca" } }],
        }),
      ],
      services,
      routes,
      secrets: ["ca", "nobody", "one", "three", "two"].map(secret),
      rawResources: [{ ...listener, groups: ["raw"] }],
    });
    expect(resourcesOf(intent, envoyTypes.secret)).toEqual({ edge: ["one"], inner: ["ca", "two"], raw: ["three"] });
  });
});

describe("the time between the two GOAWAYs", () => {
  const timeouts = (timeMs: number | undefined) => {
    const drain = timeMs === undefined ? {} : { drain: { at: place(), timeMs } };
    const listeners = [{ name: "plain", at: place(), port: 80 }, https("tls", undefined)];
    return listenersOf(buildIntent({ gateways: [gateway("g", { listeners, ...drain })] })).map(
      ({ filterChains = [] }) => filterChains[0]?.filters?.[0]?.typedConfig?.["drainTimeout"],
    );
  };

  test.each([
    [60_000, "5s"],
    [20_000, "2s"],
    [1_000, "0.1s"],
    [undefined, undefined],
  ])("is a tenth of the drain time, and at most Envoy's own: %s ms", (timeMs, expected) => {
    expect(timeouts(timeMs)).toEqual([expected, expected]);
  });
});

describe("hostnames of a listener", () => {
  test.each([
    ["*", "a.test", "a.test"],
    ["a.test", "a.test", "a.test"],
    ["*.test", "a.test", "a.test"],
    ["a.b.test", "*.test", "a.b.test"],
    ["*.test", "*.b.test", "*.b.test"],
    ["*.a.test", "a.test", undefined],
    ["a.test", "b.test", undefined],
  ])("%s and %s have %s in common", (one, other, common) => {
    expect(commonHostname(one, other)).toBe(common);
    expect(commonHostname(other, one)).toBe(common);
  });

  test("are those under which its routes are served", () => {
    const rules = [rule("main", [backend("shop")])];
    const intent = buildIntent({
      gateways: [gateway("a", { listeners: [https("one", "*.test")] })],
      services: [service("shop")],
      routes: [
        route("any", rules, { gateways: ["a"] }),
        route("other", rules, { gateways: ["a"], hostnames: ["example.com"] }),
        route("own", rules, { gateways: ["a"], hostnames: ["Shop.test", "example.com"] }),
      ],
    });
    const configuration = translate(intent)[0]?.resources.find(({ typeUrl }) => typeUrl === envoyTypes.route)?.json;
    expect(configuration?.["virtualHosts"]).toMatchObject([{ domains: ["*.test"] }, { domains: ["shop.test"] }]);
  });

  test("keep the filters of routes that it does not serve out of its chain", () => {
    const text = (protocol: string): string => `gateways:
  a: { listeners: [{ name: http, port: 80 }] }
  b: { listeners: [{ name: web, port: 443, ${protocol}hostnames: [two.test] }] }
secrets: { c: { certificate: { nodeFile: /c.pem }, privateKey: { nodeFile: /c.key } } }
services: { s: { endpoints: ["10.0.0.1:80"] } }
routes:
  r: { hostnames: [one.test], rules: [{ filters: [{ cors: { allowOrigins: ["*"] } }], backends: [{ service: s }] }] }
`;
    for (const protocol of ["", "protocol: HTTPS, tls: { secret: c }, "]) {
      const listeners = translate(intentOf(text(protocol)))[0]?.resources.filter(
        ({ typeUrl }) => typeUrl === envoyTypes.listener,
      );
      const withCors = listeners?.filter(({ json }) => JSON.stringify(json).includes("envoy.filters.http.cors"));
      expect(listeners).toHaveLength(2);
      expect(withCors?.map(({ name }) => name)).toEqual(["a/http"]);
    }
  });
});
