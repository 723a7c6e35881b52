/**
 * The way out of mistakes that people bring from elsewhere: the right word, or the right form.
 */
import { describe, expect, it } from "vitest";
import { parseIntent } from "../../../src/model/parse-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { documentOf, parseText } from "./parse-text.ts";

/** The hint of the only problem in a service `s` or a rule of a route with these keys. */
const service = (keys: string) => `services: { s: { endpoints: ["10.0.0.1:80"], ${keys} } }\n`;
const rule = (keys: string) =>
  `${service("protocol: http1")}routes: { r: { rules: [{ backends: [{ service: s }], ${keys} }] } }\n`;
const label = (value: string) =>
  `services: { s: { endpoints: [{ address: "10.0.0.1:80", labels: { v: ${value} } }] } }\n`;
const udpWeights =
  "Envoy has no weights between services of UDP: write `weight` at endpoints of one service, which share the clients";

describe("hints", () => {
  it.each([
    ["a number as it is written", label("1.0"), 'put it in quotes: "1.0"'],
    ["a number with a zero at its end", label("2.10"), 'put it in quotes: "2.10"'],
    ["a boolean", label("true"), 'put it in quotes: "true"'],
    ["retries", rule("retries: { attempts: 1, on: [5xx] }"), "did you mean `retry`?"],
    ["timeout", rule("timeout: 3s"), "write `timeouts: { request: 3s }`"],
    ["a port of a service", service("port: 80"), 'the port belongs to the address of an endpoint: "10.0.0.1:8080"'],
    [
      "a port of a backend",
      rule("split: x").replace("{ service: s }", "{ service: s, port: 80 }").replace(", split: x", ""),
      "a backend is written `{ service: shop }`; its port is that of the service's endpoints",
    ],
    ["a condition without its list", rule("retry: { attempts: 1, on: 5xx }"), "write a list: `on: [5xx]`"],
    [
      "a match without its list",
      rule("matches: { path: /a }"),
      "write a list: `matches: [{ … }]`, or put `- ` before the first key of each item",
    ],
    [
      "an endpoint without its list",
      'services: { s: { endpoints: "10.0.0.1:80" } }\n',
      'write a list: `endpoints: ["10.0.0.1:80"]`',
    ],
    [
      "headers as Gateway API writes them",
      rule("matches: [{ headers: [{ name: x-a, value: b }, { name: x-c, value: '1' }] }]"),
      'write a map: `headers: { x-a: b, x-c: "1" }`',
    ],
    ["headers in another list", rule("matches: [{ headers: [x-a] }]"), "write a map: `headers: { name: value }`"],
    [
      "TLS in lower case",
      "gateways: { g: { listeners: [{ name: h, port: 80, protocol: https }] } }\n",
      "did you mean `HTTPS`?",
    ],
    [
      "TLS to endpoints",
      service("protocol: HTTPS"),
      "write `tls: { ca: … }` beside `protocol`, which is what is spoken inside of TLS",
    ],
    [
      "a split of UDP",
      "udpRoutes: { u: { split: s, backends: [{ service: s }] } }\nservices: { s: { endpoints: [] } }\nsplits: { s: { backends: { s: { service: s } }, default: { s: 100 } } }\n",
      udpWeights,
    ],
    [
      "a weight of UDP",
      "udpRoutes: { u: { backends: [{ service: s, weight: 1 }] } }\nservices: { s: { endpoints: [] } }\n",
      udpWeights,
    ],
    ["a duration without a unit", rule("timeouts: { request: 5 }"), "write a unit: 5s"],
    [
      "a status that no redirect has",
      rule("filters: [{ redirect: { scheme: https, status: 418 } }]").replace("backends: [{ service: s }], ", ""),
      "allowed: 301, 302, 303, 307, 308",
    ],
    [
      "retries as Envoy writes them",
      rule("retry: { attempts: 1, on: [5xx], numRetries: 2 }"),
      "did you mean `attempts`?",
    ],
    ["conditions as Envoy writes them", rule("retry: { attempts: 1, on: [5xx], retryOn: 5xx }"), "did you mean `on`?"],
    [
      "a limit without its kind",
      rule("filters: [{ rateLimit: { local: { requests: 1, per: 1s }, requests: 5 } }]"),
      "write `local: { requests: 100, per: 1s }`, or `global` with a service that counts",
    ],
    [
      "a filter beside its list",
      rule("jwt: none"),
      "write `filters: [{ jwt: … }]`, or name a policy with it under `policies`",
    ],
    [
      "a filter at a gateway",
      "gateways: { g: { cors: none, listeners: [{ name: h, port: 80 }] } }\n",
      "write it in a policy, and attach that: `policies: [name]`; or in the `filters` of a rule",
    ],
    [
      "a certificate at a listener",
      "secrets: { c: { certificate: { nodeFile: /c.pem }, privateKey: { nodeFile: /c.key } } }\ngateways: { g: { listeners: [{ name: h, port: 443, protocol: HTTPS, tls: { secret: c, certificate: c } }] } }\n",
      "write `secret: …` with a name under `secrets`, which has `certificate: { file: … }` and `privateKey: { file: … }`",
    ],
    [
      "a gateway that there is not",
      rule("name: x")
        .replace("r: {", "r: { gateways: [public],")
        .replace(
          "services:",
          "gateways: { h: { listeners: [{ name: a, port: 80 }] }, g: { listeners: [{ name: a, port: 81 }] } }\nservices:",
        ),
      "define it under `gateways`, in this file or another; there are g, h",
    ],
    [
      "a split where there is none",
      rule("split: canary").replace("backends: [{ service: s }], ", ""),
      "define it under `splits`, in this file or another",
    ],
    [
      "a wildcard without quotes",
      "routes: { r: { hostnames: [*.a.com] } }\n",
      'if a text is meant, put it in quotes: "*.a.com"',
    ],
    ["conditions in one text", rule("retry: { attempts: 1, on: '5xx,reset' }"), "write a list: `on: [5xx, reset]`"],
    [
      "a retry on a status",
      rule("retry: { attempts: 1, on: [502] }"),
      "by status there are `gateway-error` (502, 503, 504), `5xx` and `retriable-4xx` (409)",
    ],
    [
      "Envoy's name of a subset",
      rule("name: x").replace("service: s", 'service: "s|v1"'),
      "write `service: s, subset: v1`",
    ],
    ["a backend that is a text", rule("name: x").replace("{ service: s }", "s"), "write `{ service: s }`"],
    [
      "a weight in percent",
      rule("name: x").replace("service: s", "service: s, weight: 90%"),
      "write the number alone: 90",
    ],
    [
      "a Kubernetes object",
      "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: a }\nspec: {}\n",
      "write what it says under `routes`; the words inside are much the same",
    ],
    ["a bare list of resources", '- "@type": a\n', "put the list under the key `resources`"],
    [
      "a file where a secret is named",
      service("tls: { ca: /etc/ca.pem }"),
      "write the name of an entry under `secrets`, which says `{ file: … }` or `{ nodeFile: … }`",
    ],
    [
      "an endpoint as Envoy writes it",
      "services: { s: { endpoints: [{ endpoint: {} }] } }\n",
      'write `address: "10.0.0.1:8080"`',
    ],
  ])("show the right form of %s", (_, text, hint) => {
    const errors = parseText(text).diagnostics.filter(({ severity }) => severity === "error");
    expect(errors.map((error) => error.hint)).toEqual([hint]);
  });

  it.each([
    ["a secret", "secrets: { c: { ca: { file: no.pem } } }\n", true],
    ["a script", rule("filters: [{ lua: { file: no.lua } }]"), false],
    ["keys", rule("filters: [{ jwt: { issuer: i, jwks: { file: no.json } } }]"), false],
  ])("offer a file on the Envoy to %s only where there can be one", (_, text, canBeOnNode) => {
    const input = { documents: [documentOf("fairway.yaml", text)], problems: [], api: envoyApi };
    const content = { files: [], problems: [], environment: {}, nowMs: 0 };
    const [missing] = parseIntent({ ...input, content }).diagnostics.filter(({ severity }) => severity === "error");
    expect(missing?.code).toMatch(/source-missing/);
    expect(missing?.hint).toContain("relative to the config file that names it");
    expect(missing?.hint?.includes("nodeFile")).toBe(canBeOnNode);
  });

  it("repeat nothing of a file that holds secrets", () => {
    const { diagnostics } = parseText(`# PRIVATE KEY\n${label("1.25")}`);
    expect(JSON.stringify(diagnostics)).not.toContain("1.25");
  });

  it.each([
    ['matches: [{ path: "/api/*" }]', "literal-glob: write `path: /api`, which takes everything below it too"],
    ['matches: [{ path: { regex: "items/[0-9]+" } }]', 'never-matches: write "/items/[0-9]+"'],
    ['matches: [{ path: { regex: "a|/b" } }]', undefined],
    [
      'filters: [{ requestHeaders: { set: { x: "%PROTOCOL%" } } }]',
      "literal-format: for a format, add the header to the route configuration by a patch",
    ],
    ['filters: [{ requestHeaders: { set: { x: "50% off, 5 % more" } } }]', undefined],
  ])("warn of what is taken literally or whole in `%s`", (keys, expected) => {
    const found = parseText(`gateways: { g: { listeners: [{ name: h, port: 80 }] } }\n${rule(keys)}`).diagnostics;
    expect(found.map(({ code, hint }) => `${code}: ${hint}`)).toEqual(expected === undefined ? [] : [expected]);
  });

  it.each([
    ['id: "edge-*"', ["literal-glob 1:28"]],
    ['id: [edge-1, "edge-*"]', ["literal-glob 1:37"]],
    ['cluster: "*"', ["literal-glob 1:33"]],
    ["id: edge-1", []],
  ])("warn of a pattern in `match: { %s }`", (match, expected) => {
    const { diagnostics } = parseText(`nodes: { a: { match: { ${match} } } }\n`);
    expect(diagnostics.map(({ code, at }) => `${code} ${at.line}:${at.column}`)).toEqual(expected);
  });
});
