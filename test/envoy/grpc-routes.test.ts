/**
 * gRPC in a real Envoy: which rule takes a call, when it is tried again, how long it may take, and what is counted.
 */
import { expect, test } from "vitest";
import { callGrpc, connectGrpc, GrpcServer } from "./grpc-peer.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";
import { eventually } from "../support/eventually.ts";

const orders = "/shop.v1.Orders";

test("gRPC calls go by service and method, are tried again, and last as long as their clients say", async () => {
  let flaky = 0;
  await using server = await GrpcServer.start(({ path }) => {
    if (path === `${orders}/Slow`) return { kind: "hangs" };
    if (path === `${orders}/Flaky` && flaky++ === 0) return { kind: "failure", status: 14, text: "try again" };
    return { kind: "messages", messages: [Buffer.from(path)] };
  });
  const named = (name: string, match: string, rest = "") =>
    `      - { name: ${name}, matches: [${match}], filters: [{ responseHeaders: { set: { x-rule: ${name} } } }${rest}], backends: [{ service: grpc }] }`;
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [counted] }
services:
  grpc: { protocol: grpc, endpoints: ["${server.address}"] }
  pages: { endpoints: ["${backends[0]}"] }
policies:
  counted: { grpcStats: { methods: { shop.v1.Orders: [Place] } } }
routes:
  shop:
    rules:
      - { name: pages, backends: [{ service: pages }] }
${named("rest", "{ grpc: {} }")}
${named("find", "{ grpc: { method: { regex: 'Find.*' } } }")}
${named("orders-next", "{ grpc: { service: shop.v1.Orders }, headers: { x-version: next } }")}
${named("place", "{ grpc: { service: shop.v1.Orders, method: Place } }")}
${named("web", "{ grpc: { service: shop.v1.Web } }", ", { grpcWeb: {} }")}
      - name: orders
        matches: [{ grpc: { service: shop.v1.Orders } }]
        filters: [{ responseHeaders: { set: { x-rule: orders } } }]
        retry: { attempts: 1, on: [unavailable] }
        timeouts: { request: 300ms, grpcTimeoutHeaderMax: 1s }
        backends: [{ service: grpc }]
`,
  });
  using client = connectGrpc(scene.port);
  const ruleOf = async (path: string, headers = {}) => (await callGrpc(client, path, { headers })).headers["x-rule"];
  expect(await ruleOf(`${orders}/Place`)).toBe("place");
  expect(await ruleOf(`${orders}/Place`, { "content-type": "application/grpc+proto" })).toBe("place");
  expect(await ruleOf(`${orders}/Cancel`)).toBe("orders");
  expect(await ruleOf(`${orders}/Cancel`, { "x-version": "next" })).toBe("orders-next");
  expect(await ruleOf(`${orders}/FindAll`), "the service decides before the method").toBe("orders");
  expect(await ruleOf("/shop.v1.Users/FindAll")).toBe("find");
  expect(await ruleOf("/shop.v1.OrdersArchive/Place")).toBe("rest");
  expect(await ruleOf("/shop.v1.Web/Place")).toBe("web");
  const web = await ask(`${scene.url}shop.v1.Web/Place`, { "content-type": "application/grpc-web+proto" }, "POST");
  expect(web.headers["x-rule"], "gRPC-Web that becomes gRPC takes the same rule").toBe("web");
  const page = await ask(`${scene.url}shop.v1.Orders/Place`, { "content-type": "application/json" }, "POST");
  expect(page.seen?.path, "what is not gRPC goes elsewhere").toBe(`${orders}/Place`);

  const retried = await callGrpc(client, `${orders}/Flaky`);
  expect(retried.grpcStatus).toBe("0");
  expect(retried.messages.map(String)).toEqual([`${orders}/Flaky`]);
  expect(flaky).toBe(2);

  const finished: string[] = [];
  const slow = async (name: string, headers = {}) => {
    const { grpcStatus } = await callGrpc(client, `${orders}/Slow`, { headers });
    expect(grpcStatus, "DEADLINE_EXCEEDED").toBe("4");
    finished.push(name);
  };
  await Promise.all([
    slow("the limit", { "grpc-timeout": "20S" }),
    slow("no deadline"),
    slow("its deadline", { "grpc-timeout": "20m" }),
  ]);
  expect(finished).toEqual(["its deadline", "no deadline", "the limit"]);

  const counted = await scene.envoy.stats("^cluster[.]grpc[.]grpc[.].*(success|failure)$");
  expect(counted.get("cluster.grpc.grpc.shop.v1.Orders.Place.success")).toBe(2);
  expect([...counted.keys()].filter((name) => name.includes("Cancel"))).toEqual([]);
  expect(counted.get("cluster.grpc.grpc.failure")).toBeGreaterThanOrEqual(3);
});

test("a host that says NOT_SERVING by gRPC's health protocol gets no calls until it serves again", async () => {
  const serving = { one: true, two: false };
  const start = (name: "one" | "two") =>
    GrpcServer.start(({ path, message }) => {
      if (path !== "/grpc.health.v1.Health/Check") return { kind: "messages", messages: [Buffer.from(name)] };
      // HealthCheckRequest{service: "cart"}, and HealthCheckResponse{status: SERVING or NOT_SERVING}.
      const isAsked = message.equals(Buffer.from([0x0a, 4, ...Buffer.from("cart")]));
      return { kind: "messages", messages: [Buffer.from([0x08, isAsked && serving[name] ? 1 : 2])] };
    });
  await using one = await start("one");
  await using two = await start("two");
  await using scene = await startScene({
    backends: 0,
    config: ({ port }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  cart:
    protocol: grpc
    endpoints: ["${one.address}", "${two.address}"]
    healthCheck: { grpc: { serviceName: cart }, interval: 100ms, timeout: 1s, healthyThreshold: 1, unhealthyThreshold: 1 }
routes:
  all: { rules: [{ backends: [{ service: cart }] }] }
`,
  });
  using session = connectGrpc(scene.port);
  const answers = async () => {
    const calls = Array.from({ length: 10 }, () => callGrpc(session, "/shop.Cart/Get"));
    return new Set((await Promise.all(calls)).map(({ messages }) => String(messages[0])));
  };
  const only = async (name: string) => {
    const seen = await answers();
    return seen.size === 1 && seen.has(name);
  };
  await eventually("the one that serves", () => only("one"));
  Object.assign(serving, { one: false, two: true });
  await eventually("the other one", () => only("two"));
  Object.assign(serving, { one: true });
  await eventually("both", async () => (await answers()).size === 2);
});
