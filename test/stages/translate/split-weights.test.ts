/**
 * Weights of splits that go into the runtime layer of a group, and routes that know nothing of them.
 */
import { expect, test } from "vitest";
import type { LiveWeights } from "../../../src/model/live-weights.ts";
import { present } from "../../../src/support/assert.ts";
import { translate } from "../../../src/translate/translate.ts";
import { parseText } from "../model/parse-text.ts";

const config = (words = "", canary = "canary") => `
nodes: { edge: { match: { cluster: edge }, runtime: {} }, old: { match: { cluster: old } } }
gateways:
  public: { listeners: [{ name: http, port: 80 }, { name: db, protocol: TCP, port: 81 }] }
services:
  shop:
    endpoints: [{ address: "10.0.0.1:80", labels: { v: "1" } }, { address: "10.0.0.2:80", labels: { v: "2" } }]
    subsets: { stable: { labels: { v: "1" } }, canary: { labels: { v: "2" }, fallback: stable }, next: { labels: { v: "2" } } }
routes:
  shop: { gateways: [public/http], rules: [{ matches: [{ path: /a }], split: shop }, { split: shop }] }
tcpRoutes:
  db: { gateways: [public/db], split: shop }
splits:
  shop:
    backends: { stable: { service: shop, subset: stable }, canary: { service: shop, subset: ${canary} } }
    default: { stable: 3, canary: 1 }
    ${words}
`;

function groups(text: string, shares?: LiveWeights["shares"]) {
  const live: LiveWeights = { split: "shop", revision: 1, shares };
  const { intent, diagnostics } = parseText(text, new Map(shares === undefined ? [] : [["shop", live]]));
  const found = translate(present(intent, JSON.stringify(diagnostics))).map(({ group, resources }) => {
    const of = (type: string) => resources.filter(({ typeUrl }) => typeUrl.endsWith(type)).map(({ json }) => json);
    const layer = of(".Runtime")[0]?.["layer"] as Readonly<Record<string, number>> | undefined;
    return [group.name, { layer, routes: JSON.stringify(of(".RouteConfiguration")), listeners: of(".Listener") }];
  });
  return Object.fromEntries(found) as Record<
    string,
    {
      readonly layer: Readonly<Record<string, number>>;
      readonly routes: string;
      readonly listeners: readonly unknown[];
    }
  >;
}

test("a set weight changes the layer of a group that has one and no route, and the routes of the others", () => {
  const [before, after] = [groups(config()), groups(config(), { stable: 9_000, canary: 1_000 })];
  expect(Object.values(before["edge"]?.layer ?? {})).toEqual([1, 3]);
  expect(Object.values(after["edge"]?.layer ?? {})).toEqual([1_000, 9_000]);
  expect(Object.keys(after["edge"]?.layer ?? {})).toEqual([
    expect.stringMatching(/^fairway\.split\.shop\.[0-9a-f]{8}\.shop\|canary\|fallback$/),
    expect.stringMatching(/^fairway\.split\.shop\.[0-9a-f]{8}\.shop\|stable$/),
  ]);
  expect(after["edge"]?.routes).toBe(before["edge"]?.routes);
  expect(after["edge"]?.routes).toContain('"weight":3');
  expect(after["old"]?.layer).toBeUndefined();
  expect(after["old"]?.routes).not.toBe(before["old"]?.routes);
  expect(after["old"]?.routes).not.toContain("runtimeKeyPrefix");
});

test("connections know no runtime, so their listeners have the weights themselves", () => {
  const [before, after] = [groups(config()), groups(config(), { stable: 9_000, canary: 1_000 })];
  expect(JSON.stringify(after["edge"]?.listeners)).toContain("9000");
  expect(after["edge"]?.listeners).not.toEqual(before["edge"]?.listeners);
});

test("the whole of a split with `sticky` is the same in the route and in the layer, whoever has set it", () => {
  const words = "sticky: { header: x-user }";
  const [before, after] = [groups(config(words)), groups(config(words), { stable: 1_000, canary: 9_000 })];
  expect(Object.values(before["edge"]?.layer ?? {})).toEqual([2_500, 7_500]);
  expect(Object.values(after["edge"]?.layer ?? {})).toEqual([9_000, 1_000]);
  expect(after["edge"]?.routes).toBe(before["edge"]?.routes);
  expect(after["edge"]?.routes).toContain('"weight":7500');
});

test("other backends have other keys, so that no route adds up the weights of both", () => {
  const keys = (canary: string) => Object.keys(groups(config("", canary))["edge"]?.layer ?? {});
  expect(keys("next").filter((key) => keys("canary").includes(key))).toEqual([]);
});

test("a split that has one cluster twice keeps its weights in the route, because one key cannot tell them apart", () => {
  const [before, after] = [
    groups(config("", "stable")),
    groups(config("", "stable"), { stable: 5_000, canary: 5_000 }),
  ];
  expect(after["edge"]?.layer).toEqual({});
  expect(after["edge"]?.routes).not.toBe(before["edge"]?.routes);
});
