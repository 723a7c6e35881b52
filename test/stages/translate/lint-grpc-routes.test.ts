/**
 * gRPC that is sent to a service of HTTP/1, where it is certain.
 */
import { describe, expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";

/** The warnings of one rule, by the line of what they are about. */
function warnings(rule: string, rest = ""): readonly string[] {
  const text = `gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services:
  old: { endpoints: ["10.0.0.1:80"] }
  new: { endpoints: ["10.0.0.1:80"], protocol: grpc }
  two: { endpoints: ["10.0.0.1:80"], protocol: http2 }
routes:
  r: { rules: [{ backends: [{ service: new }, { service: two }, { service: old }, { service: old }], ${rule} }] ${rest} }
policies: { web: { grpcWeb: {} } }
`;
  return lintText(text)
    .filter(({ code }) => code === "grpc-wrong-protocol")
    .map(({ message, at, related }) => `${message} ${at.line} ${related?.at.line}`);
}

const told = ["`r/rule-0` sends gRPC to `old`, whose protocol is http1: its calls fail there 7 3"];

describe("gRPC over HTTP/1", () => {
  it.each([
    ["a rule that matches gRPC", "matches: [{ path: /a }, { grpc: {} }]"],
    ["a rule that makes gRPC of gRPC-Web", "filters: [{ grpcWeb: {} }]"],
    ["a rule with a policy that does", "policies: [web]"],
  ])("is told of %s", (_, rule) => {
    expect(warnings(rule)).toEqual(told);
  });

  it("is told of a policy of the route that no other rule can be meant by", () => {
    expect(warnings("matches: [{ path: /a }]", ", policies: [web]")).toEqual(told);
    const two = `}\n  s: { rules: [{ backends: [{ service: old }] }, { name: b, matches: [{ path: /b }], backends: [{ service: old }] }], policies: [web]`;
    expect(warnings("matches: [{ path: /a }]", two).map((text) => text.slice(0, 12))).toEqual([
      "`s/rule-0` s",
      "`s/b` sends ",
    ]);
  });

  it("is not told of what may be meant for other rules, or is kept away", () => {
    expect(warnings("matches: [{ path: /a }]")).toEqual([]);
    expect(warnings("filters: [{ grpcWeb: none }]")).toEqual([]);
    const other = `, policies: [web] }\n  s: { rules: [{ backends: [{ service: old }] }, { name: b, backends: [{ service: new }] }], policies: [web]`;
    expect(warnings("matches: [{ path: /a }], filters: [{ grpcWeb: none }]", other)).toEqual([]);
  });
});
