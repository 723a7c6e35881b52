/**
 * What gRPC clients are given for a name; that real ones take it is in `test/clients/`.
 */
import { describe, expect, test } from "vitest";
import type { GrpcListener } from "../../../src/model/intent-gateway.ts";
import type { Rule } from "../../../src/model/intent-route.ts";
import { translateGrpcListener } from "../../../src/translate/grpc-listener.ts";
import { backend, gateway, match, place, route, rule } from "../../support/build-intent.ts";

const listener: GrpcListener = { name: "grpc", at: place(), hostnames: ["Orders", "users.test"] };
const mesh = gateway("mesh", { listeners: [], grpcListeners: [listener] });

/** The Envoy routes that a rule becomes for the first name. */
function routesOf(rest: Partial<Rule>, backends = [backend("orders")]): unknown {
  const made = translateGrpcListener(mesh, listener, [route("r", [rule("main", backends, rest)])]);
  const json = made[1]?.json as { readonly virtualHosts: readonly { readonly routes: unknown }[] };
  return json.virtualHosts[0]?.routes;
}

const prefix = (path: string, rest = {}) => routesOf({ matches: [match({ kind: "prefix", path }, rest)] });

test("a name becomes a listener of exactly that name without an address, and routes of its own", () => {
  const made = translateGrpcListener(mesh, { ...listener, port: 50_051 }, []);
  expect(made.map(({ name }) => name)).toEqual([
    "Orders:50051",
    "mesh/grpc/Orders:50051",
    "users.test:50051",
    "mesh/grpc/users.test:50051",
  ]);
  expect(made[0]?.json).not.toHaveProperty("address");
  expect(made[0]?.json).toMatchObject({
    apiListener: { apiListener: { rds: { routeConfigName: "mesh/grpc/Orders:50051", configSource: { ads: {} } } } },
  });
  expect(made[1]?.json).toMatchObject({ virtualHosts: [{ domains: ["Orders:50051"], routes: [] }] });
});

test("a name has the routes whose hostnames are it, whatever their case, or cover it", () => {
  const routes = ["orders", "users.test", "*.test", "*", "other"].map((hostname, index) =>
    route(`r${index}`, [rule("main", [backend("a")])], { hostnames: [hostname] }),
  );
  const made = translateGrpcListener(mesh, listener, routes);
  const names = [made[1], made[3]].map((resource) => {
    const json = resource?.json as { virtualHosts: readonly { routes: readonly { name: string }[] }[] };
    return json.virtualHosts[0]?.routes.map(({ name }) => name);
  });
  expect(names).toEqual([
    ["r0/main", "r3/main"],
    ["r1/main", "r2/main", "r3/main"],
  ]);
});

test("a name whose routes are the same stays the same object when those of another change", () => {
  const known = new Map();
  const orders = route("a", [rule("main", [backend("a")])], { hostnames: ["orders"] });
  const users = (to: string) => route("b", [rule("main", [backend(to)])], { hostnames: ["users.test"] });
  const before = translateGrpcListener(mesh, listener, [orders, users("b")], known);
  const after = translateGrpcListener(mesh, listener, [orders, users("c")], known);
  expect(after[1]).toBe(before[1]);
  expect(after[3]).not.toBe(before[3]);
});

describe("in gRPC's words", () => {
  test.each([
    ["/", { prefix: "/" }],
    ["/shop.Orders", { prefix: "/shop.Orders/" }],
    ["/shop.Orders/", { prefix: "/shop.Orders/" }],
    ["/shop.Orders/Place", { path: "/shop.Orders/Place" }],
  ])("a path %s is %j", (path, expected) => {
    expect(prefix(path)).toMatchObject([{ match: expected }]);
    expect(JSON.stringify(prefix(path))).not.toContain("pathSeparatedPrefix");
  });

  test("a method other than POST and a query parameter match no call, and POST says nothing", () => {
    expect(prefix("/", { method: "GET" })).toEqual([]);
    expect(prefix("/", { queryParams: [{ name: "a", value: { kind: "present" } }] })).toEqual([]);
    expect(prefix("/", { method: "POST", queryParams: [{ name: "a", value: { kind: "absent" } }] })).toEqual(
      prefix("/"),
    );
  });

  test("a rule that answers itself fails, and lets nothing through to the next", () => {
    expect(routesOf({ respond: { at: place(), status: 503 } }, [])).toMatchObject([{ nonForwardingAction: {} }]);
  });

  test("a request timeout limits the stream, and without one nothing does", () => {
    const timeouts = { at: place(), requestMs: 3_000, idleMs: 1_000, backendRequestMs: 500 };
    expect(routesOf({ timeouts })).toMatchObject([
      { route: { cluster: "orders", maxStreamDuration: { maxStreamDuration: "3s" } } },
    ]);
    expect(JSON.stringify(routesOf({ timeouts: { at: place(), requestMs: 0 } }))).not.toContain("uration");
    expect(JSON.stringify(routesOf({ timeouts }))).not.toMatch(/"timeout"|idleTimeout|perTryTimeout/);
  });

  test("retries have the words that gRPC knows, and without any there are none", () => {
    const retry = (on: readonly string[]) => ({ at: place(), attempts: 2, on, perTryTimeoutMs: 100 });
    expect(routesOf({ retry: retry(["5xx", "unavailable", "cancelled"]) })).toMatchObject([
      { route: { retryPolicy: { retryOn: "unavailable,cancelled", numRetries: 2 } } },
    ]);
    expect(JSON.stringify(routesOf({ retry: retry(["5xx", "reset"]) }))).not.toContain("retryPolicy");
    expect(JSON.stringify(routesOf({ retry: retry(["internal"]) }))).not.toContain("perTryTimeout");
  });
});
