/** Copies that a rollout of a split wants: in the routes that share requests by it, and nowhere else. */
import { expect, test } from "vitest";
import { builtSplits } from "../../../src/cli/built-splits.ts";
import type { LiveWeights } from "../../../src/model/live-weights.ts";
import { present } from "../../../src/support/assert.ts";
import { createTranslationMemo, translate } from "../../../src/translate/translate.ts";
import { parseText } from "../model/parse-text.ts";

const config = (filters = "", canary = "canary") => `
nodes: { web: { match: { cluster: web }, runtime: {} } }
gateways: { public: { listeners: [{ name: http, port: 80 }, { name: db, protocol: TCP, port: 81 }] } }
services:
  shop:
    endpoints: [{ address: "10.0.0.1:80", labels: { v: "1" } }, { address: "10.0.0.2:80", labels: { v: "2" } }]
    subsets: { stable: { labels: { v: "1" } }, canary: { labels: { v: "2" } } }
routes:
  shop:
    gateways: [public/http]
    rules:
      - matches: [{ path: /shop }]
        split: shop
        ${filters}
      - connect: forward
        split: shop
      - backends: [{ service: shop, subset: stable }]
tcpRoutes: { db: { gateways: [public/db], split: db } }
splits:
  shop: { backends: { stable: { service: shop, subset: stable }, ${canary}: { service: shop, subset: canary } }, default: { stable: 100 } }
  db: { backends: { stable: { service: shop, subset: stable }, canary: { service: shop, subset: canary } }, default: { stable: 100 } }
`;

function live(mirror?: LiveWeights["mirror"]): ReadonlyMap<string, LiveWeights> {
  const shares = { stable: 10_000, canary: 0 };
  return new Map([["shop", { split: "shop", revision: 1, shares, mirror }]]);
}

function resourcesOf(text: string, of: ReadonlyMap<string, LiveWeights>, memo = createTranslationMemo()) {
  const { intent, diagnostics } = parseText(text, of);
  const [group] = translate(present(intent, JSON.stringify(diagnostics)), memo);
  return present(group, "there is one group").resources;
}

function policiesOf(resources: ReturnType<typeof resourcesOf>) {
  const found = present(
    resources.find(({ typeUrl }) => typeUrl.endsWith(".RouteConfiguration")),
    "there are routes",
  );
  const { virtualHosts } = found.json as unknown as {
    readonly virtualHosts: readonly {
      readonly routes: readonly {
        readonly name: string;
        readonly route: { readonly requestMirrorPolicies?: object };
      }[];
    }[];
  };
  return virtualHosts.flatMap(({ routes }) => routes.map(({ name, route }) => [name, route.requestMirrorPolicies]));
}

const clusterNames = (resources: ReturnType<typeof resourcesOf>) =>
  resources.filter(({ typeUrl }) => typeUrl.endsWith(".Cluster")).map(({ name }) => name);

test("the rules of the split copy requests to a cluster of their own, which is gone with them", () => {
  const memo = createTranslationMemo();
  const before = resourcesOf(config(), live(), memo);
  const during = resourcesOf(config(), live({ backend: "canary", share: 1_250 }), memo);
  const copies = {
    cluster: "shop|canary|mirror",
    runtimeFraction: { defaultValue: { numerator: 125_000, denominator: "MILLION" } },
  };
  expect(policiesOf(during)).toEqual([
    ["shop/rule-0", [copies]],
    // A tunnel has no requests.
    ["shop/rule-1", undefined],
    ["shop/rule-2", undefined],
  ]);
  expect(clusterNames(during)).toEqual([...clusterNames(before), "shop|canary|mirror"]);
  const after = resourcesOf(config(), live(), memo);
  expect(after.map(({ json }) => json)).toEqual(before.map(({ json }) => json));
});

test("a rule that mirrors elsewhere goes on with it", () => {
  const mirrored = config("filters: [{ mirror: { service: shop } }]");
  const during = resourcesOf(mirrored, live({ backend: "canary", share: 10_000 }));
  expect(policiesOf(during)[0]?.[1]).toMatchObject([{ cluster: "shop||mirror" }, { cluster: "shop|canary|mirror" }]);
});

test("copies are tried again as the requests of the split are, where its rules agree", () => {
  const memo = createTranslationMemo();
  const retriesOf = (words: string, of = live({ backend: "canary", share: 1_000 })) => {
    const cluster = resourcesOf(config(words), of, memo).find(({ name }) => name === "shop|canary|mirror");
    return JSON.stringify(cluster?.json);
  };
  const once = "retry: { on: [gateway-error], attempts: 1 }";
  const another = "\n      - matches: [{ path: /two }]\n        split: shop";
  expect(retriesOf("")).not.toContain("retryPolicy");
  expect(retriesOf(once)).toMatch(/"retryPolicy":\{"retryOn":"gateway-error","numRetries":1,/);
  expect(retriesOf(`${once}${another}\n        ${once}`)).toContain('"numRetries":1');
  expect(retriesOf(`${once}${another}`)).not.toContain("retryPolicy");
  expect(retriesOf(`${once}${another}\n        ${once.replace("1", "2")}`)).not.toContain("retryPolicy");
  // One that the files ask for is a copy that nobody judges.
  const own = `${once}\n        filters: [{ mirror: { service: shop, subset: canary } }]`;
  expect(retriesOf(own, live())).not.toContain("retryPolicy");
});

test("copies for a backend that the file has no more are none", () => {
  const renamed = resourcesOf(config("", "next"), live({ backend: "canary", share: 1_000 }));
  expect(clusterNames(renamed)).not.toContain("shop|canary|mirror");
});

test("a build says of each split whether its requests can be copied, and where that is done by the files", () => {
  const copyingOf = (text: string, of: ReadonlyMap<string, LiveWeights>) => {
    const intent = present(parseText(text, of).intent, "the sample is right");
    return builtSplits(intent.splits, intent, of).map(({ name, copying }) => [name, copying]);
  };
  expect(copyingOf(config(), live({ backend: "canary", share: 1_000 }))).toEqual([
    ["db", { isPossible: false, mirroredAt: {} }],
    ["shop", { isPossible: true, mirroredAt: {} }],
  ]);
  const mirrored = config("filters: [{ mirror: { service: shop, subset: canary } }]");
  expect(copyingOf(mirrored, live())).toMatchObject([
    ["db", { mirroredAt: { canary: { line: 14 } } }],
    ["shop", { mirroredAt: { canary: { line: 14 } } }],
  ]);
});
