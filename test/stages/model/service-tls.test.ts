/**
 * `tls` of a service: what it must say, and what a subset takes over.
 */
import { describe, expect, test } from "vitest";
import { intentOf, parseText } from "./parse-text.ts";

const files = (tls: string, ofSubset = "{}") => ({
  "secrets.yaml": `secrets:
  ca: { ca: { nodeFile: a } }
  me: { certificate: { nodeFile: a }, privateKey: { nodeFile: a } }
`,
  "main.yaml": `gateways: { g: { listeners: [{ name: a, port: 80 }] } }
routes: { r: { rules: [{ backends: [{ service: shop }, { service: shop, subset: next }] }] } }
services:
  shop:
    endpoints: ["10.0.0.1:443", "10.0.0.2:443"]
    tls: ${tls}
    subsets: { next: { labels: {}, tls: ${ofSubset} } }
`,
});

function messages(tls: string, ofSubset?: string): readonly string[] {
  return parseText(files(tls, ofSubset)).diagnostics.flatMap(({ severity, code, at, message }) =>
    severity === "error" ? [`${at.line}:${at.column} ${code}: ${message}`] : [],
  );
}

describe("a service with TLS", () => {
  test.each([
    ["{}", "6:5 missing-key: without `ca` Envoy would trust every certificate"],
    ["{ sni: shop.internal }", "6:5 missing-key: without `ca` Envoy would trust every certificate"],
    ["{ ca: ca, verify: none }", "6:12 invalid-value: `ca` and `verify: none` contradict each other"],
    [
      "{ verify: none, subjectAltNames: [a] }",
      "6:26 invalid-value: `subjectAltNames` and `verify: none` contradict each other",
    ],
    ["{ ca: me }", "6:16 dangling-reference: secret `me` has no part `ca`"],
    ["{ ca: ca, client_certificate: ca }", "6:40 dangling-reference: secret `ca` has no part `certificate`"],
    ["{ ca: ca, sni: '*.test' }", '6:25 invalid-value: `sni` must be one name, but is "*.test"'],
    [
      "{ ca: ca, minVersion: TLSv1_2, maxVersion: TLSv1_1 }",
      "6:53 invalid-value: `maxVersion` TLSv1_1 is older than `minVersion` TLSv1_2",
    ],
  ])("that says %s is refused", (tls, expected) => {
    expect(messages(tls, "{ ca: ca }")).toEqual([expected]);
  });

  test("gives it to its subsets field by field, and verification as a whole", () => {
    const tlsOf = (tls: string, ofSubset: string) => {
      const [shop] = intentOf(files(tls, ofSubset)).services;
      return [shop?.policy.tls, shop?.subsets[0]?.policy.tls];
    };
    const service = { ca: "ca", sni: "a", minVersion: "TLSv1_3" };
    expect(tlsOf("{ ca: ca, sni: a, minVersion: TLSv1_3 }", "{ sni: b, client_certificate: me }")).toEqual([
      service,
      { ...service, sni: "b", clientCertificate: "me" },
    ]);
    expect(tlsOf("{ ca: ca, sni: a, minVersion: TLSv1_3 }", "{ verify: none }")).toEqual([
      service,
      { sni: "a", minVersion: "TLSv1_3" },
    ]);
    expect(tlsOf("{ verify: none, sni: a }", "{ ca: ca }")).toEqual([{ sni: "a" }, { sni: "a", ca: "ca" }]);
  });
});
