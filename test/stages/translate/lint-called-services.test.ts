/**
 * Warnings about services that filters call in another way than they answer, with near misses that must stay silent.
 */
import { expect, test } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { summarize } from "../model/parse-text.ts";

/** A rule with a filter that calls the service `a`, with these keys. */
const filter = (written: string, keys = ""): string => `gateways: { g: { listeners: [{ name: h, port: 80 }] } }
secrets: { ca: { ca: { nodeFile: /ca.pem } } }
services:
  s: { endpoints: ["10.0.0.1:80"], tls: { ca: ca } }
  a: { endpoints: ["10.0.0.2:80"], ${keys} }
routes:
  r:
    rules:
      - backends: [{ service: s }]
        filters:
          - ${written}
`;
const jwks = (uri: string): string => `jwt: { issuer: i, jwks: { uri: "${uri}", service: a } }`;
const asking = "rateLimit: { global: { service: a, domain: d, descriptors: [[{ path: true }]] } }";

test.each([
  ["extProc", "extProc: { service: a }", ""],
  ["extAuth", "extAuth: { grpc: { service: a } }", "protocol: http1"],
  ["rateLimit.global", asking, ""],
])("%s is asked over gRPC in vain", (word, written, keys) => {
  const found = lintText(filter(written, keys));
  expect(summarize(found)).toEqual(["receiver-not-grpc 11:13"]);
  expect(found[0]?.message).toContain(`\`${word}\``);
  expect(found[0]?.hint).toBe("write `protocol: grpc` at the service `a`");
});

test.each([
  ["an address of https without TLS", jwks("https://a.test/keys"), "", "write `tls: { ca: … }` at the service `a`"],
  [
    "an address of http with TLS",
    jwks("http://a.test/keys"),
    "tls: { ca: ca }",
    "write `https:` in `uri`, or name a service without `tls`",
  ],
])("keys are fetched otherwise than the address says: %s", (_, written, keys, hint) => {
  const found = lintText(filter(written, keys));
  expect(summarize(found)).toEqual(["jwks-tls-differs 11:13"]);
  expect(found[0]?.hint).toBe(hint);
});

test("a policy is told once, however often it is attached", () => {
  const text = filter("cors: none")
    .replace("services:", "policies: { p: { extProc: { service: a } } }\nservices:")
    .replace("  r:\n", "  r:\n    policies: [p]\n")
    .replace("{ g: {", "{ g: { policies: [p],");
  expect(summarize(lintText(text))).toEqual(["receiver-not-grpc 3:18"]);
});

test.each([
  ["extProc of gRPC", "extProc: { service: a }", "protocol: grpc"],
  ["extAuth of HTTP/2", "extAuth: { grpc: { service: a } }", "protocol: http2"],
  ["extAuth over HTTP/1.1", "extAuth: { http: { service: a } }", ""],
  ["a limit by a service of gRPC", asking, "protocol: grpc"],
  ["keys with TLS", jwks("https://a.test/keys"), "tls: { ca: ca }"],
  ["keys without TLS", jwks("http://a.test/keys"), ""],
])("silent about %s", (_, written, keys) => {
  expect(summarize(lintText(filter(written, keys)))).toEqual([]);
});
