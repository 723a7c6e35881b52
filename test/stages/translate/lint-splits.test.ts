/**
 * Warnings about splits: users that nothing can tell, and shares of the file beyond its own limits.
 */
import { describe, expect, it, test } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { summarize } from "../model/parse-text.ts";

const split = (weights: string, more: string): string => `gateways:
  g: { listeners: [{ name: h, port: 80 }, { name: t, port: 81, protocol: TCP }, { name: u, port: 82, protocol: TLS, tls: { mode: passthrough } }] }
services: { a: { endpoints: ["10.0.0.1:80"] }, b: { endpoints: ["10.0.0.2:80"] } }
splits:
  s: { backends: { a: { service: a }, b: { service: b } }, default: { ${weights} }, ${more} }
`;
const http = "routes: { r: { rules: [{ split: s }] } }\n";
const other = "routes: { r: { rules: [{ backends: [{ service: a }] }] } }\n";
const tcp = "tcpRoutes: { t: { gateways: [g/t], split: s } }\n";
const tls = "tlsRoutes: { u: { gateways: [g/u], split: s } }\n";
const otherTcp = "tcpRoutes: { t: { gateways: [g/t], backends: [{ service: a }] } }\n";
const otherTls = "tlsRoutes: { u: { gateways: [g/u], backends: [{ service: a }] } }\n";

test.each([
  ["TCP", other + tcp + otherTls, ["sticky-without-requests 5:3"]],
  ["TLS", other + otherTcp + tls, ["sticky-without-requests 5:3"]],
  ["requests and TCP", http + tcp + otherTls, []],
  ["requests", http + otherTcp + otherTls, []],
])("sticky of a split for %s", (_, routes, expected) => {
  expect(summarize(lintText(split("a: 1, b: 1", "sticky: { header: x-user }") + routes))).toEqual(expected);
});

describe("a share by default", () => {
  it.each([
    ["a: 40, b: 60", "`b` has 60 % by `default`, and its limit is 50 %"],
    ["a: 1, b: 2", "`b` has 66.67 % by `default`, and its limit is 50 %"],
    ["b: 7", "`b` has 100 % by `default`, and its limit is 50 %"],
    ["a: 49999, b: 50001", "`b` has 50.01 % by `default`, and its limit is 50 %"],
  ])("is warned of beyond its limit: %s", (weights, message) => {
    const found = lintText(split(weights, "limits: { b: { max: 50 } }") + http + otherTcp + otherTls);
    expect(found).toMatchObject([{ code: "default-beyond-limit", severity: "warning", message }]);
    expect(found[0]?.at.line).toBe(5);
  });

  it.each([
    ["a: 3, b: 3", "limits: { b: { max: 50 } }"],
    ["a: 3", "limits: { b: { max: 50 } }"],
    ["a: 1, b: 3", "limits: { b: { maxStep: 5 } }"],
    ["a: 1, b: 3", "limits: { b: { max: 75 } }"],
  ])("is not warned of within it: %s with %s", (weights, limits) => {
    expect(summarize(lintText(split(weights, limits) + http + otherTcp + otherTls))).toEqual([]);
  });
});
