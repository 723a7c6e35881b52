/**
 * The access log by which Envoys tell of single requests: who gets it, and that only the runtime turns it on.
 */
import { expect, test } from "vitest";
import type { LiveWeights } from "../../../src/model/live-weights.ts";
import { present } from "../../../src/support/assert.ts";
import { translate } from "../../../src/translate/translate.ts";
import { parseText } from "../model/parse-text.ts";

const config = (words = "runtime: {}, routeReports: true") => `
nodes: { edge: { match: { cluster: edge }, ${words} }, old: { match: { cluster: old }, runtime: {} } }
gateways:
  public: { listeners: [{ name: http, port: 80 }, { name: https, protocol: HTTPS, port: 443, tls: { secret: s } }] }
  inner: { listeners: [{ name: http, port: 81 }] }
secrets: { s: { certificate: { file: a.pem }, privateKey: { file: a.key } } }
services:
  shop:
    endpoints: [{ address: "10.0.0.1:80", labels: { v: "1" } }, { address: "10.0.0.2:80", labels: { v: "2" } }]
    subsets: { stable: { labels: { v: "1" } }, canary: { labels: { v: "2" } } }
routes:
  shop: { gateways: [public], rules: [{ split: shop }] }
  inner: { gateways: [inner], rules: [{ backends: [{ service: shop }] }] }
splits:
  shop:
    backends: { stable: { service: shop, subset: stable }, canary: { service: shop, subset: canary } }
    default: { stable: 1, canary: 0 }
`;

/** By group: the listeners, and keys of the layer that are no weights. */
function groups(watch?: LiveWeights["watch"], words?: string) {
  const live: LiveWeights = { split: "shop", revision: 0, shares: undefined, watch };
  const { intent, diagnostics } = parseText(config(words), new Map([["shop", live]]));
  const found = translate(present(intent, JSON.stringify(diagnostics))).map(({ group, resources }) => {
    const of = (type: string) => resources.filter(({ typeUrl }) => typeUrl.endsWith(type)).map(({ json }) => json);
    const layer = (of(".Runtime")[0]?.["layer"] ?? {}) as Readonly<Record<string, number>>;
    const keys = Object.entries(layer).filter(([key]) => !key.startsWith("fairway.split."));
    return [group.name, { listeners: of(".Listener").map((each) => JSON.stringify(each)), keys }] as const;
  });
  return Object.fromEntries(found);
}

test("every listener of HTTP of a group that wants it has the log, whether or not a rollout is on", () => {
  const [quiet, watched] = [groups(), groups({ slowerThanMs: 300 })];
  expect(quiet["edge"]?.listeners).toHaveLength(3);
  for (const listener of quiet["edge"]?.listeners ?? []) {
    expect(listener).toContain('"logName":"fairway"');
    expect(listener).toContain('"clusterName":"fairway_xds"');
  }
  for (const listener of quiet["old"]?.listeners ?? []) expect(listener).not.toContain("accessLog");
  expect(watched["edge"]?.listeners).toEqual(quiet["edge"]?.listeners);
});

test("the layer turns it on for the gateways whose routes use a split that a rollout moves", () => {
  expect(groups()["edge"]?.keys).toEqual([]);
  expect(groups({ slowerThanMs: 300 })["edge"]?.keys).toEqual([
    ["fairway.route_reports.public.ms", 301],
    ["fairway.route_reports.public.on", 100],
    ["fairway.route_reports.public.sample", 10],
  ]);
  expect(groups({ slowerThanMs: 300 })["old"]?.keys).toEqual([]);
  // Where nobody asks about slow requests, none is.
  expect(groups({})["edge"]?.keys.map(([key]) => key)).toEqual([
    "fairway.route_reports.public.on",
    "fairway.route_reports.public.sample",
  ]);
});

test("a group without a layer cannot have it", () => {
  const { diagnostics } = parseText("nodes: { edge: { routeReports: true } }");
  expect(diagnostics[0]).toMatchObject({
    code: "invalid-value",
    path: "nodes.edge.routeReports",
    hint: expect.stringContaining("runtime: {}") as string,
  });
  expect(groups({}, "routeReports: false")["edge"]?.listeners[0]).not.toContain("accessLog");
});
