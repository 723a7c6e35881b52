/**
 * Files with secrets are not quoted, however they are broken; files without them are.
 */
import { getOption } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { conceal, isConfidential } from "../../../src/model/conceal.ts";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { scalarRules } from "../../../src/model/schema-scalars.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { parseText } from "./parse-text.ts";

const canary = "0canary-4711";

/** What a raw Secret with this private key could look like by mistake. */
const secret = (tail: string) => `resources:
  - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
    name: server
    ${tail}
`;

describe("a file with a secret", () => {
  test.each([
    ["a misspelt key", `tls_certificate: { private_keyy: { inline_string: ${canary} } }`],
    ["a text for a map", `tls_certificate: { private_key: ${canary} }`],
    ["no base64", `tls_certificate: { private_key: { inline_bytes: "${canary} !!" } }`],
    ["a syntax error behind it", `tls_certificate: { private_key: { inline_string: "${canary}" "x" } }`],
    ["a syntax error in it", `tls_certificate: { private_key: { inline_string: |\n${canary}\n } }`],
    ["a text that is no token", `generic_secret: { secret: { inline_string: x } }\n"${canary}" %`],
    ["an unknown alias", `generic_secret: { secret: { inline_string: *${canary} } }`],
    ["an unknown tag", `generic_secret: { secret: { inline_string: !${canary} x } }`],
    ["the same key twice", `generic_secret: { secret: { inline_string: ${canary}, inline_string: ${canary} } }`],
    ["an extra item", `generic_secret: { secret: { inline_string: x } }\n  - ${canary}`],
  ])("is not quoted with %s", (_, tail) => {
    const { diagnostics } = parseText(secret(tail));
    expect(diagnostics).not.toEqual([]);
    expect(JSON.stringify(diagnostics)).not.toContain("canary");
    expect(diagnostics.every(({ source }) => source === undefined)).toBe(true);
  });

  test.each([
    ["a number that reads as octal", "0471100815"],
    ["a number that is too large", "47110081547110081547"],
    ["a word that reads as a boolean", "off"],
  ])("is not quoted with %s", (_, value) => {
    const { diagnostics } = parseText(secret(`generic_secret: { secret: { inline_string: ${value} } }`));
    expect(diagnostics).not.toEqual([]);
    expect(JSON.stringify(diagnostics)).not.toContain(value);
  });

  test("still says the place, the path and what was meant", () => {
    const { diagnostics } = parseText(secret(`tls_certificate: { private_keyy: { inline_string: ${canary} } }`));
    expect(diagnostics).toMatchObject([
      { at: { line: 4 }, path: "resources[0].tls_certificate.private_keyy", hint: "did you mean `private_key`?" },
    ]);
  });
});

describe("of a file with a secret, hints that repeat no value stay", () => {
  const shop = (rest: string) => `secrets: { site: { certificate: { file: a.crt }, privateKey: { file: a.key } } }
services: { shop: { endpoints: ["127.0.0.1:1"] } }
routes:
  shop: { rules: [{ name: main, backends: [{ service: shop }], ${rest} }] }
`;
  test.each([
    ["a duration without a unit", "timeouts: { request: 4711 }", "write a unit, such as `60s`"],
    ["a duration with another unit", "timeouts: { request: 4711y }", "write a number and a unit: 250ms"],
    ["a word that is far from all", "retry: { on: [5xx, 4711] }", "allowed: 5xx, "],
    ["a word that others write", "retry: { on: [5xx, 471] }", "allowed: 5xx, "],
    ["a text for a list", 'retry: { on: "4711,4712" }', "write a list"],
    ["a number in quotes", 'retry: { attempts: "4711" }', "remove the quotes"],
    ["a number for a text", "name: 4711", "put it in quotes"],
    ["a host with a scheme", 'filters: [{ redirect: { hostname: "http://4711" } }]', "write example.com, "],
  ])("with %s", (_, rest, hint) => {
    const { diagnostics } = parseText(shop(rest).replace(/name: main, (.*)name: 4711/, "$1name: 4711"));
    expect(diagnostics.map((each) => each.hint)).toContainEqual(expect.stringContaining(hint));
    expect(JSON.stringify(diagnostics)).not.toContain("471");
  });

  test("as do those of all small values", () => {
    const hints = Object.values(scalarRules).flatMap(({ hint }) => (hint === "" ? [] : [hint]));
    const diagnostic = { code: "invalid-value", severity: "error", message: "", at: { file: "", line: 1, column: 1 } };
    for (const hint of hints) expect(conceal({ ...diagnostic, hint } as Diagnostic).hint).toBe(hint);
  });
});

test("every field that Envoy marks as sensitive is a sign of a secret", () => {
  const sensitive = present(envoyApi.registry.getExtension("udpa.annotations.sensitive"), "Envoy imports it");
  const fields = [...envoyApi.registry].flatMap((type) =>
    type.kind === "message" && type.typeName.includes(".v3.")
      ? type.fields.filter((field) => getOption(field, sensitive) === true)
      : [],
  );
  const unseen = fields.filter(
    ({ name, jsonName }) => !isConfidential(`${name}: x`) || !isConfidential(`"${jsonName}": 1`),
  );
  // A provider's config stands beside a certificate, `keys` inside `session_ticket_keys`, `users` under its type.
  expect(unseen.map(({ parent, name }) => `${parent.name}.${name}`)).toEqual([
    "PrivateKeyProvider.typed_config",
    "TlsSessionTicketKeys.keys",
    "BasicAuth.users",
    "BasicAuthPerRoute.users",
  ]);
  for (const inside of [
    "session_ticket_keys:",
    "sessionTicketKeys:",
    "envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
  ])
    expect(isConfidential(inside)).toBe(true);
});

test("a listener that names a secret is no secret", () => {
  const listener = (tls: string) =>
    `gateways: { public: { listeners: [{ name: https, port: 1, ${tls}, protcol: x }] } }`;
  const shown = (text: string) => parseText(text).diagnostics.every(({ source }) => source !== undefined);
  expect(shown(listener("tls: { minVersion: TLSv1_3, secret: [a, b] }"))).toBe(true);
  expect(shown(listener("tls: { secret: a }, secret: hunter2"))).toBe(false);
  expect(shown(`${listener("tls: { secret: a }")}\nresources: [{ "@type": x, secret: hunter2 }]`)).toBe(false);
});

test("a file without secrets shows its line and the value", () => {
  const { diagnostics } = parseText(`services: { users: { endpoints: ["host:80"], connectTimeout: soon } }`);
  expect(diagnostics).not.toEqual([]);
  expect(diagnostics.every(({ source }) => source?.line.includes("users"))).toBe(true);
  expect(JSON.stringify(diagnostics)).toContain("soon");
});

test("the name of a login's secret hides nothing, and what may be the secret itself does", () => {
  const policy = (value: string) => `policies: { p: { oidc: { clientID: shop, clientSecret: ${value} } } }\n`;
  for (const name of ["shop-login", '"shop"', "shop.2 # a name"])
    expect(isConfidential(policy(name)), name).toBe(false);
  for (const value of ["GOCSPX-4711", "7b1f0c52-8f0e-4b52-9d0f-2a61a8d1c9aa", "{ file: a }", "a b"]) {
    expect(isConfidential(policy(value)), value).toBe(true);
  }
});
