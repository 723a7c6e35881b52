/**
 * The way out of mistakes that people bring from elsewhere: the right word, or the right form.
 */
import { describe, expect, it } from "vitest";
import { parseText } from "./parse-text.ts";

/** The hint of the only problem in a service `s` or a rule of a route with these keys. */
const service = (keys: string) => `services: { s: { endpoints: ["10.0.0.1:80"], ${keys} } }\n`;
const rule = (keys: string) =>
  `${service("protocol: http1")}routes: { r: { rules: [{ backends: [{ service: s }], ${keys} }] } }\n`;
const label = (value: string) =>
  `services: { s: { endpoints: [{ address: "10.0.0.1:80", labels: { v: ${value} } }] } }\n`;

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
  ])("show the right form of %s", (_, text, hint) => {
    const errors = parseText(text).diagnostics.filter(({ severity }) => severity === "error");
    expect(errors.map((error) => error.hint)).toEqual([hint]);
  });

  it("repeat nothing of a file that holds secrets", () => {
    const { diagnostics } = parseText(`# PRIVATE KEY\n${label("1.25")}`);
    expect(JSON.stringify(diagnostics)).not.toContain("1.25");
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
