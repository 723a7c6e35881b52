/**
 * Which clusters the Envoys of a group ask for, and which they have from the start.
 */
import { expect, it } from "vitest";
import type { Intent } from "../../../src/model/intent.ts";
import { createTranslationMemo, translate } from "../../../src/translate/translate.ts";
import {
  backend,
  buildIntent,
  gateway,
  group,
  place,
  raw,
  route,
  rule,
  service,
  subset,
} from "../../support/build-intent.ts";

/** Names of clusters of a group: those that are asked for, and the others. */
function clustersOf(intent: Intent, name: string): { readonly asked: string; readonly common: string } {
  const found = translate(intent).find((resources) => resources.group.name === name)?.resources ?? [];
  const clusters = found.filter(({ typeUrl }) => typeUrl.endsWith(".Cluster"));
  const names = (isAsked: boolean) =>
    clusters.flatMap((each) => ((each.onDemand === true) === isAsked ? [each.name] : [])).join(" ");
  return { asked: names(true), common: names(false) };
}

const raws = [
  raw("envoy.config.route.v3.RouteConfiguration", "own", {
    name: "own",
    virtualHosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "named" } }] }],
  }),
];

const intent = buildIntent({
  groups: [group("edge", { onDemandClusters: {} }), group("mesh")],
  gateways: [
    gateway("public", {
      groups: ["edge", "mesh"],
      listeners: [{ name: "http", at: place(), port: 8080 }],
      accessLogs: [{ at: place(), sink: { kind: "grpc", service: "logs" }, fields: [] }],
    }),
  ],
  services: [
    service("copied"),
    service("logs"),
    service("named"),
    service("shop", { subsets: [subset("canary", { version: "v2" })] }),
    service("spare", { subsets: [{ ...subset("canary", { version: "v2" }), fallbacks: ["stable"] }] }),
    service("unnamed"),
  ],
  routes: [
    route("shop", [
      rule("main", [backend("shop|canary"), backend("shop")], {
        mirrors: [{ at: place(), service: "copied", percent: 100 }],
      }),
      rule("copied", [backend("copied"), backend("spare|canary")]),
    ]),
  ],
  rawResources: raws,
});

it("leaves to requests what only routes of HTTP choose, and what nobody names", () => {
  expect(clustersOf(intent, "edge")).toEqual({
    asked: "copied shop shop|canary unnamed",
    common: "logs named spare spare|canary spare|canary|fallback copied||mirror",
  });
});

it("leaves nothing to requests in another group, and gives its listeners no filter", () => {
  expect(clustersOf(intent, "mesh").asked).toBe("");
  const filters = translate(intent).map(({ resources }) => {
    const listener = JSON.stringify(resources.find(({ name }) => name === "public/http")?.json);
    return [...listener.matchAll(/"name":"envoy\.filters\.http\.(\w+)"/g)].map(([, name]) => name);
  });
  expect(filters).toEqual([["on_demand", "router"], ["router"]]);
});

it("gives the same objects for the same intent, so that nothing is encoded again", () => {
  const memo = createTranslationMemo();
  const [first, second] = [translate(intent, memo), translate(intent, memo)].map(([edge]) => edge?.resources ?? []);
  const clusters = (first ?? []).filter(({ typeUrl }) => typeUrl.endsWith(".Cluster") || typeUrl.endsWith(".Listener"));
  expect(clusters.length).toBeGreaterThan(8);
  for (const resource of clusters) expect(second).toContain(resource);
});
