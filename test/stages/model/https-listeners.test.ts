/**
 * Listeners of HTTPS: which may share an address, and what their `tls` may not say.
 */
import { expect, test } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

/** Two listeners of one port, each with some keys of its own, on lines 2 and 3, and what else there is. */
const listeners = (one: string, other: string, rest = "") => ({
  "gateways.yaml": `gateways:
  g: { listeners: [{ name: a, port: 443, protocol: HTTPS, tls: { secret: s }, ${one} }] }
  h: { listeners: [{ name: b, port: 443, protocol: HTTPS, tls: { secret: s }, ${other} }] }
${rest}`,
  "secrets.yaml": "secrets: { s: { certificate: { nodeFile: a }, privateKey: { nodeFile: a } } }\n",
});

test.each([
  ["the same hostname, whatever its case", "hostnames: [a.test, A2.test]", "hostnames: [b.test, a2.test]", "a2.test"],
  ["every hostname", 'hostnames: ["*"]', "address: 0.0.0.0", "every hostname"],
])("two listeners of one port for %s are an error that names both places", (_, one, other, hostname) => {
  const { diagnostics } = parseText(listeners(one, other));
  expect(diagnostics).toMatchObject([
    {
      code: "conflicting-address",
      message: `two listeners of group \`default\` use 0.0.0.0 port 443 for ${hostname}`,
      at: { line: 3, column: 37 },
      related: { at: { line: 2 }, message: "first used by `g/a`" },
    },
  ]);
});

test("two listeners of one port for different hostnames are none, of one gateway or of two", () => {
  const gateways = parseText(listeners("hostnames: [a.test]", 'hostnames: ["*.test"]'));
  expect(gateways.diagnostics).toEqual([]);
  expect(gateways.intent?.gateways.map(({ listeners: [listener] }) => listener)).toMatchObject([
    { name: "a", hostnames: ["a.test"], tls: { certificates: ["s"] } },
    { name: "b", hostnames: ["*.test"], tls: { certificates: ["s"] } },
  ]);
});

test("HTTP and HTTPS cannot share a port, whichever comes first", () => {
  const http = "  i: { listeners: [{ name: c, port: 443, hostnames: [c.test] }] }\n";
  const both = parseText(listeners("hostnames: [a.test]", "hostnames: [b.test]", http)).diagnostics;
  expect(summarize(both)).toEqual(["conflicting-address gateways.yaml:4:37"]);
});

test.each([
  ["tls: { secret: s }", ["`tls` belongs to HTTPS and TLS"]],
  ["protocol: HTTPS, tls: { secret: [] }", ["`secret` must not be an empty list"]],
  [
    "protocol: HTTPS, tls: { secret: s, minVersion: TLSv1_4 }",
    ['`minVersion` must be `TLSv1_0`, `TLSv1_1`, `TLSv1_2` or `TLSv1_3`, but is "TLSv1_4"'],
  ],
  [
    "protocol: HTTPS, tls: { secret: s, minVersion: TLSv1_3, maxVersion: TLSv1_2 }",
    ["`maxVersion` TLSv1_2 is older than `minVersion` TLSv1_3"],
  ],
])("a listener with %s is refused", (keys, messages) => {
  const files = listeners(
    "hostnames: [a.test]",
    "hostnames: [b.test]",
    `  i: { listeners: [{ name: c, port: 80, ${keys} }] }\n`,
  );
  expect(parseText(files).diagnostics.map(({ message }) => message)).toEqual(messages);
});

test("names of clients without an authority are an error, because anybody could have them", () => {
  const tls = "{ secret: s, clientSubjectAltNames: [a.test] }";
  const text = `gateways: { g: { listeners: [{ name: a, port: 443, protocol: HTTPS, tls: ${tls} }] } }\n`;
  const { "secrets.yaml": secrets } = listeners("", "");
  const { diagnostics } = parseText({ "gateways.yaml": text, "secrets.yaml": secrets });
  expect(diagnostics).toMatchObject([
    {
      code: "missing-key",
      at: { line: 1, column: 110 },
      message: expect.stringContaining("without `clientCa`") as string,
    },
  ]);
});
