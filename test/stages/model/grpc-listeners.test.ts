/**
 * Listeners of `protocol: GRPC_XDS`: what they need, what they refuse, and the routes that nobody has to write.
 */
import { describe, expect, test } from "vitest";
import { createParseCache, parseIntent } from "../../../src/model/parse-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { lintText } from "../../support/lint-text.ts";
import { documentOf, summarize } from "./parse-text.ts";

const text = (listener: string, rest = "") =>
  `gateways: { m: { listeners: [{ name: l, protocol: GRPC_XDS, ${listener} }] } }\nservices: { orders: { endpoints: [] } }\n${rest}`;

const route = (hostnames: string) =>
  `routes: { r: { hostnames: [${hostnames}], rules: [{ backends: [{ service: orders }] }] } }\n`;

function parse(of: string, cache = createParseCache()) {
  return parseIntent({ documents: [documentOf("fairway.yaml", of)], problems: [], api: envoyApi, cache });
}

const names = (of: string): readonly string[] => parse(of).intent?.routes.map(({ name }) => name) ?? [];

describe("a listener of GRPC_XDS", () => {
  test.each([
    ["no names", "port: 80", "missing-key"],
    ["an address", "hostnames: [a], address: 127.0.0.1", "invalid-value"],
    ["a wildcard", 'hostnames: ["*.a"]', "invalid-value"],
    ["TLS", "hostnames: [a], tls: { secret: s }", "invalid-value"],
  ])("with %s is refused", (_, listener, code) => {
    expect(parse(text(listener)).diagnostics.map((found) => found.code)).toContain(code);
  });

  test("keeps the case of its names, because clients ask letter by letter", () => {
    expect(parse(text("hostnames: [b, A], port: 7")).intent?.gateways[0]).toMatchObject({
      listeners: [],
      grpcListeners: [{ name: "l", hostnames: ["A", "b"], port: 7 }],
    });
  });
});

describe("a route that nobody wrote", () => {
  test("leads a name to the service of that name", () => {
    expect(parse(text("hostnames: [orders]")).intent?.routes).toMatchObject([
      {
        name: "m/l/orders",
        gateways: ["m/l"],
        hostnames: ["orders"],
        rules: [{ target: { backends: [{ service: "orders" }] } }],
      },
    ]);
  });

  test.each([["orders"], ['"*"'], ["ORDERS"]])("gives way to one for %s", (hostname) => {
    expect(names(text("hostnames: [orders]", route(hostname)))).toEqual(["r"]);
  });

  test("stays when a route is for another name, or on another listener", () => {
    expect(names(text("hostnames: [orders]", route("users")))).toEqual(["m/l/orders", "r"]);
    const elsewhere = text("hostnames: [orders]", route("orders")).replace(
      "}] } }",
      "}] }, other: { listeners: [{ name: l, port: 80 }] } }",
    );
    expect(names(elsewhere.replace("routes: { r: {", "routes: { r: { gateways: [other],"))).toEqual([
      "m/l/orders",
      "r",
    ]);
  });

  test("is the same object as long as nothing changes", () => {
    const cache = createParseCache();
    const before = parse(text("hostnames: [orders]"), cache).intent?.routes[0];
    expect(parse(`${text("hostnames: [orders]")}# more\n`.replace("# more\n", ""), cache).intent?.routes[0]).toBe(
      before,
    );
  });
});

describe("warnings", () => {
  const lint = (of: string) => summarize(lintText(of));

  test("none for a name that is a service", () => {
    expect(lint(text("hostnames: [orders]"))).toEqual([]);
  });

  test("for a name that nothing is for", () => {
    expect(lint(text("hostnames: [orders, nobody]"))).toEqual(["unrouted-listener 1:30"]);
  });

  test.each([
    ["loadBalancer: { policy: MAGLEV, hashOn: [{ sourceIp: true }] }", ["grpc-client-ignores", "grpc-client-refuses"]],
    ["healthCheck: { tcp: {} }", ["grpc-client-ignores"]],
    ["circuitBreaker: { maxRequests: 5 }", []],
    ["outlierDetection: { failurePercentageThreshold: 50, maxEjectionPercent: 100, alwaysEjectOneHost: true }", []],
  ])("of a service with %s: %j", (policy, expected) => {
    const sample = text("hostnames: [orders]").replace(
      "endpoints: []",
      `endpoints: ["10.0.0.1:1", "10.0.0.2:1"], ${policy}`,
    );
    const found = lintText(sample).map(({ code }) => code);
    expect(found.filter((code) => code.startsWith("grpc"))).toEqual(expected);
  });

  test("of priorities with a gap", () => {
    const sample = text("hostnames: [orders]").replace("[] }", '[{ address: "10.0.0.1:1", priority: 1 }] }');
    expect(lintText(sample).map(({ code }) => code)).toEqual(["grpc-client-refuses"]);
  });

  test("of what a rule says and gRPC does not do, once, with all of it", () => {
    const rule =
      "routes: { r: { hostnames: [orders], rules: [{ timeouts: { idle: 1s }, retry: { attempts: 1, on: [5xx, unavailable] }, backends: [{ service: orders }] }] } }\n";
    const [found, ...others] = lintText(text("hostnames: [orders]", rule));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ code: "grpc-client-ignores" });
    expect(found?.message).toContain("`timeouts.idle`, `retry.on: 5xx`");
  });
});
