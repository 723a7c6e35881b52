/**
 * Explanations of gRPC calls: which rule takes them, and how long they may take.
 */
import { expect, test } from "vitest";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";

const config = `gateways:
  public: { listeners: [{ name: http, port: 8080 }] }
services:
  shop: { protocol: grpc, endpoints: ["10.0.0.1:80"] }
routes:
  shop:
    rules:
      - name: orders
        matches: [{ grpc: { service: shop.Orders } }]
        timeouts: { request: 5s, grpcTimeoutHeaderMax: 30s }
        backends: [{ service: shop }]
      - name: endless
        matches: [{ grpc: { service: shop.Feeds } }]
        timeouts: { request: 0s, grpcTimeoutHeaderMax: 0s }
        backends: [{ service: shop }]
      - name: web
        matches: [{ grpc: { service: shop.Web } }]
        filters: [{ grpcWeb: {} }]
        backends: [{ service: shop }]
`;

function explain(path: string, type = "application/grpc") {
  const { intent, diagnostics } = parseText(config);
  const good = present(intent, JSON.stringify(diagnostics));
  const headers = [`content-type: ${type}`];
  const asked = readAskedRequest({ method: "POST", url: `http://shop:8080${path}`, headers });
  if (!asked.ok) throw new Error(asked.error);
  return explainRequest(asked.value, {
    lookup: lookUpIn(snapshotOf(good), envoyApi),
    origins: originsIn(good, "default"),
  });
}

test("a call is told its rule and how long it may take, with the line of the limit", () => {
  const { route, settings } = explain("/shop.Orders/Place");
  expect(route?.name).toBe("shop/orders");
  expect(route?.conditions).toEqual(["path is /shop.Orders or below", "content-type is application/grpc"]);
  expect(settings.find(({ name }) => name === "timeout")).toMatchObject({
    text: "as grpc-timeout says, at most 30s; 5s without it",
    at: { line: 10 },
  });
  const endless = explain("/shop.Feeds/Follow").settings.find(({ name }) => name === "timeout");
  expect(endless?.text).toBe("as grpc-timeout says; none without it");
});

test("what is not gRPC is told why no rule takes it, and gRPC-Web is taken where it becomes gRPC", () => {
  const { outcome, nearest } = explain("/shop.Orders/Place", "application/json");
  expect(outcome).toMatchObject({ kind: "not-found", status: 404 });
  expect(nearest[0]?.conditions).toEqual(["content-type is application/grpc, but it is application/json"]);
  expect(explain("/shop.Orders/Place", "application/grpc-web+proto").route).toBeUndefined();
  expect(explain("/shop.Web/Place", "application/grpc-web+proto").route?.name).toBe("shop/web");
  expect(explain("/shop.Web/Place").route?.name).toBe("shop/web");
});
