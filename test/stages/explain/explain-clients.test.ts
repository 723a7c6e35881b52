/**
 * Explanations of what a listener makes of requests before routes see them.
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

const config = (clients: string) => `gateways:
  public: { listeners: [{ name: http, port: 8080 }], ${clients} }
services: { shop: { endpoints: ["10.0.0.2:80"] } }
routes:
  shop:
    rules:
      - { name: staff, matches: [{ headers: { x-staff: "100%" } }], backends: [{ service: shop }] }
      - { name: odd, matches: [{ headers: { x_odd: "1" } }], backends: [{ service: shop }] }
      - { name: all, backends: [{ service: shop }] }
`;

function explain(clients: string, headers: readonly string[] = [], path = "/") {
  const { intent, diagnostics } = parseText(config(clients));
  const good = present(intent, JSON.stringify(diagnostics));
  const asked = readAskedRequest({ method: "GET", url: `http://shop:8080${path}`, headers });
  if (!asked.ok) throw new Error(asked.error);
  const sources = { lookup: lookUpIn(snapshotOf(good), envoyApi), origins: originsIn(good, "default") };
  const { outcome, route, settings } = explainRequest(asked.value, sources);
  const named = (name: string) => settings.filter((each) => each.name === name).map(({ text }) => text);
  return { outcome, rule: route?.name, address: named("client address"), early: named("early header") };
}

test("where the client's address comes from is told, and who nobody knows is refused", () => {
  expect(explain("path: {}").address).toEqual([]);
  expect(explain("clientIPDetection: { xForwardedFor: { numTrustedHops: 2 } }").address).toEqual([
    "the address 2 from the end of x-forwarded-for",
  ]);
  expect(explain("clientIPDetection: { xForwardedFor: { trustedCIDRs: [10.0.0.0/8, 192.0.2.1] } }").address).toEqual([
    "the last address of x-forwarded-for that is not in 10.0.0.0/8, 192.0.2.1/32",
  ]);
  const closed = "clientIPDetection: { customHeader: { name: X-Real-IP, failClosed: true } }";
  expect(explain(closed, ["x-real-ip: 192.0.2.1"]).address).toEqual(["the header x-real-ip, else 403"]);
  expect(explain(closed).outcome).toMatchObject({ kind: "refused", status: 403 });
});

test("routes see the headers and paths that are left", () => {
  const odd = ["x_odd: 1"];
  expect(explain("headers: {}", odd).rule).toBe("shop/odd");
  expect(explain("headers: { withUnderscoresAction: DropHeader }", odd).rule).toBe("shop/all");
  expect(explain("headers: { withUnderscoresAction: RejectRequest }", odd).outcome).toMatchObject({ status: 400 });
  const staff = ["x-staff: 100%"];
  expect(explain("headers: {}", staff).rule).toBe("shop/staff");
  expect(explain("headers: { earlyRequestHeaders: { remove: [x-staff] } }", staff).rule).toBe("shop/all");
  expect(explain('headers: { earlyRequestHeaders: { set: { X-Staff: "100%" } } }', ["x-staff: no"])).toMatchObject({
    rule: "shop/staff",
    early: ["set x-staff: 100%%"],
  });
  expect(explain("path: { escapedSlashesAction: RejectRequest }", [], "/a%2Fb").outcome).toMatchObject({ status: 400 });
});
