/**
 * Explanations of requests that go by weights which Envoys read from their runtime layer.
 */
import { expect, test } from "vitest";
import type { LiveWeights } from "../../../src/model/live-weights.ts";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";

const config = (runtime: string) => `
nodes: { default: { ${runtime} } }
gateways: { public: { listeners: [{ name: http, port: 80 }] } }
services: { one: { endpoints: ["10.0.0.1:80"] }, two: { endpoints: ["10.0.0.2:80"] } }
routes: { shop: { rules: [{ split: shop }] } }
splits: { shop: { backends: { one: { service: one }, two: { service: two } }, default: { one: 3, two: 1 } } }
`;

const set: LiveWeights = { split: "shop", revision: 1, shares: { one: 2_000, two: 8_000 } };

test.each([
  ["the weights in force are told, which are in the layer and not in the route", "runtime: {}", set, [20, 80]],
  ["without a layer those of the route are, which are the same", "", set, [20, 80]],
  ["those of the file are when nobody has set others", "runtime: {}", undefined, [75, 25]],
])("%s", (_, runtime, live, percents) => {
  const { intent } = parseText(config(runtime), new Map(live === undefined ? [] : [["shop", live]]));
  const good = present(intent, "the config is right");
  const asked = readAskedRequest({ method: "GET", url: "http://shop/", headers: [] });
  if (!asked.ok) throw new Error(asked.error);
  const { outcome } = explainRequest(asked.value, {
    lookup: lookUpIn(snapshotOf(good), envoyApi),
    origins: originsIn(good, "default"),
  });
  expect(outcome).toMatchObject({ kind: "forward", clusters: percents.map((percent) => ({ percent })) });
});
