/**
 * What rollouts want to be told of single requests, and how what is told becomes counts of routes.
 */
import { expect, test } from "vitest";
import type { BuiltSplit } from "../../../src/cli/build-protocol.ts";
import { builtSplits } from "../../../src/cli/built-splits.ts";
import { seenRoutes, watchedClusters, watchedSplits } from "../../../src/cli/watched-routes.ts";
import type { RouteSource } from "../../../src/evidence/route-view.ts";
import { present } from "../../../src/support/assert.ts";
import { recordOf } from "../../support/report-records.ts";
import { parseText } from "../model/parse-text.ts";

const config = (rules: string) => `
gateways: { public: { listeners: [{ name: http, port: 80 }] } }
services:
  shop:
    endpoints: [{ address: "10.0.0.1:80", labels: { v: "1" } }, { address: "10.0.0.2:80", labels: { v: "2" } }]
    subsets: { stable: { labels: { v: "1" } }, canary: { labels: { v: "2" }, fallback: stable } }
splits:
  reviews:
    backends: { v1: { service: shop, subset: stable }, v2: { service: shop, subset: canary } }
    default: { v1: 1, v2: 0 }
routes:
  shop:
    rules:
${rules}`;

const rules = `
      - { name: pay, matches: [{ path: /pay }], split: reviews }
      - { name: pinned, matches: [{ path: /pinned }], backends: [{ service: shop, subset: canary }] }
      - { name: main, split: reviews }
`;

function built(text: string): readonly BuiltSplit[] {
  const { intent, diagnostics } = parseText(text);
  const found = present(intent, JSON.stringify(diagnostics));
  return builtSplits(found.splits, found, new Map());
}

const clusters = ["shop|canary|fallback", "shop|canary", "shop|stable"];

test("of each version its clusters and the routes of its split are watched, as slow as the plan asks", () => {
  const splits = built(config(rules));
  const records = [recordOf()];
  expect(splits[0]?.rules).toEqual([
    { name: "shop/main", at: "fairway.yaml:17" },
    { name: "shop/pay", at: "fairway.yaml:15" },
  ]);
  expect(watchedSplits(records)).toEqual(new Map([["reviews", { slowerThanMs: 300 }]]));
  const watched = watchedClusters(records, splits);
  expect(watched.map(({ cluster }) => cluster)).toEqual([
    ...clusters.slice(0, 2),
    "shop|stable|fallback",
    "shop|stable",
  ]);
  for (const { routes, slowerThanMs } of watched) {
    expect([...routes]).toEqual(["shop/main", "shop/pay"]);
    expect(slowerThanMs).toBe(300);
  }
  expect(watchedClusters(records, [])).toEqual([]);
  const { plan } = recordOf();
  const { slow: _slow, ...gates } = plan.gates;
  expect(watchedSplits([{ plan: { ...plan, gates } }])).toEqual(new Map([["reviews", {}]]));
});

test("a split has two hundred routes at most, the first by name", () => {
  const many = Array.from(
    { length: 250 },
    (_, at) => `      - { name: r${String(at).padStart(3, "0")}, split: reviews }`,
  );
  const names = built(config(many.join("\n")))[0]?.rules.map(({ name }) => name);
  expect([names?.length, names?.at(-1)]).toEqual([200, "shop/r199"]);
});

test("what is told of all clusters of a version is the version's", () => {
  const [split] = built(config(rules));
  const tally = (requests: number, errors: number) => new Map([["shop/pay", { requests, errors, slow: 0 }]]);
  const sources: readonly RouteSource[] = [
    {
      id: "a",
      clusters: new Map([
        ["shop|canary|fallback", tally(10, 1)],
        ["shop|canary", tally(2, 2)],
        ["shop|stable", tally(90, 0)],
      ]),
    },
    { id: "b", clusters: new Map() },
  ];
  const of = { canary: clusters.slice(0, 2), baseline: clusters.slice(2), rules: split?.rules ?? [] };
  expect(seenRoutes(sources, of)).toEqual([
    {
      source: "a",
      routes: [
        {
          route: "shop/pay",
          at: "fairway.yaml:15",
          canary: { requests: 12, errors: 3, slow: 0 },
          baseline: { requests: 90, errors: 0, slow: 0 },
        },
      ],
    },
    { source: "b", routes: [] },
  ]);
});
