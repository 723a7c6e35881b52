/**
 * Wrong inputs of the parts that say who may do what: each with its code, line and column, and a way out.
 */
import { describe, expect, it } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

type Row = readonly [title: string, input: string, ...expected: string[]];

/** A policy that is attached, with this part on line 4. */
const policy = (part: string) =>
  `services: { shop: { endpoints: ["10.0.0.1:80"] } }
gateways: { g: { listeners: [{ name: a, port: 80 }], policies: [p] } }
routes: { r: { rules: [{ backends: [{ service: shop }] }] } }
policies: { p: { ${part} } }
`;

const tokens: readonly Row[] = [
  ["a part without issuer", policy("jwt: { jwks: { uri: 'http://a/', service: shop } }"), "missing-key 4:23"],
  ["a part without keys", policy("jwt: { issuer: a }"), "missing-key 4:23"],
  ["keys from nowhere", policy("jwt: { issuer: a, jwks: {} }"), "missing-key 4:42"],
  [
    "keys from two places",
    policy("jwt: { issuer: a, jwks: { uri: 'http://a/', service: shop, file: a.pem } }"),
    "invalid-value 4:42",
  ],
  ["an address without a service", policy("jwt: { issuer: a, jwks: { uri: 'http://a/' } }"), "missing-key 4:42"],
  ["an address that is none", policy("jwt: { issuer: a, jwks: { uri: a/b, service: shop } }"), "invalid-value 4:49"],
  [
    "a service that is not there",
    policy("jwt: { issuer: a, jwks: { uri: 'http://a/', service: shup } }"),
    "dangling-reference 4:71",
  ],
  [
    "a service for a file",
    policy("jwt: { issuer: a, jwks: { service: shop, inline: '{}' } }"),
    "invalid-value 4:53",
    "invalid-jwks 4:67",
  ],
  ["keys that are no JSON", policy("jwt: { issuer: a, jwks: { inline: abc } }"), "invalid-jwks 4:52"],
  ["no keys", policy(`jwt: { issuer: a, jwks: { inline: '{"keys": []}' } }`), "invalid-jwks 4:52"],
  [
    "a symmetric key",
    policy(`jwt: { issuer: a, jwks: { inline: '{"keys": [{"kty": "oct", "k": "AQAB"}]}' } }`),
    "invalid-jwks 4:52",
  ],
  [
    "half a key",
    policy(`jwt: { issuer: a, jwks: { inline: '{"keys": [{"kty": "RSA", "e": "AQAB"}]}' } }`),
    "invalid-jwks 4:52",
  ],
  ["a file that holds something else", policy("jwt: { issuer: a, jwks: { file: one.pem } }"), "invalid-jwks 4:50"],
  [
    "an issuer beside others",
    policy("jwt: { issuer: a, providers: { b: { issuer: b, jwks: { uri: 'http://a/', service: shop } } } }"),
    "invalid-value 4:33",
  ],
  ["no provider", policy("jwt: { providers: {} }"), "missing-key 4:36"],
  [
    "half a second",
    policy("jwt: { issuer: a, clockSkew: 500ms, jwks: { uri: 'http://a/', service: shop } }"),
    "invalid-value 4:47",
  ],
];

const rules: readonly Row[] = [
  ["no action", policy("authorization: { rules: [{ clientCIDRs: [10.0.0.1] }] }"), "missing-key 4:43"],
  ["no condition", policy("authorization: { rules: [{ action: deny }] }"), "missing-key 4:43"],
  [
    "ranges that are none",
    policy("authorization: { rules: [{ action: allow, clientCIDRs: [10.0.0.0/33, office, 10.0.0.0/a, '::1/129'] }] }"),
    "invalid-value 4:74",
    "invalid-value 4:87",
    "invalid-value 4:95",
    "invalid-value 4:107",
  ],
  [
    "a path with a query",
    policy("authorization: { rules: [{ action: allow, paths: ['/a?b=1'] }] }"),
    "invalid-value 4:68",
  ],
  [
    "a regular expression that RE2 does not take",
    policy("authorization: { rules: [{ action: allow, paths: [{ regex: '(?=a)' }] }] }"),
    "invalid-value 4:77",
  ],
  [
    "a name twice",
    policy(
      "authorization: { rules: [{ name: a, action: allow, methods: [GET] }, { name: a, action: allow, methods: [PUT] }] }",
    ),
    "duplicate-name 4:89",
  ],
  ["what allows everything", policy("authorization: { default: allow }"), "invalid-value 4:44"],
  [
    "an empty list of claims",
    policy("authorization: { rules: [{ action: allow, claims: [{ name: a, values: [] }] }] }"),
    "invalid-value 4:88",
  ],
];

const asked: readonly Row[] = [
  ["nobody who is asked", policy("extAuth: {}"), "missing-key 4:27"],
  ["two who are asked", policy("extAuth: { grpc: { service: shop }, http: { service: shop } }"), "invalid-value 4:27"],
  ["a service that is not there", policy("extAuth: { grpc: { service: shup } }"), "dangling-reference 4:46"],
  ["a subset that is not there", policy("extAuth: { grpc: { service: shop, subset: a } }"), "dangling-reference 4:60"],
  [
    "a status that is never answered",
    policy("extAuth: { grpc: { service: shop }, failOpen: true, statusOnError: 503 }"),
    "invalid-value 4:85",
  ],
  ["a status that is none", policy("extAuth: { grpc: { service: shop }, statusOnError: 999 }"), "invalid-value 4:69"],
  ["a body without bounds", policy("extAuth: { grpc: { service: shop }, bodyToExtAuth: {} }"), "missing-key 4:54"],
  [
    "a body beyond all bounds",
    policy("extAuth: { grpc: { service: shop }, bodyToExtAuth: { maxRequestBytes: 2000000 } }"),
    "invalid-value 4:88",
  ],
  ["what only HTTP has", policy("extAuth: { grpc: { service: shop, headersToBackend: [x-a] } }"), "unknown-key 4:52"],
];

const secret = (part: string) => `${policy("basicAuth: { users: team }")}secrets: { team: { ${part} } }\n`;
const lists: readonly Row[] = [
  ["a secret that is not there", policy("basicAuth: { users: team }"), "dangling-reference 4:38"],
  ["a secret of another kind", secret("ca: { file: one.pem }"), "dangling-reference 4:38"],
  ["a file that is no list", secret("users: { file: one.pem }"), "invalid-secret 5:35"],
  ["a list on the Envoy", secret("users: { nodeFile: /a }"), "invalid-value 5:39"],
  ["two kinds in one", secret("users: { file: a }, apiKeys: { file: a }"), "invalid-value 5:27"],
  ["a key from nowhere", policy("apiKey: { keys: team, from: {} }"), "dangling-reference 4:34", "missing-key 4:46"],
];

/** On line 5 the secret, on line 6 the login; both are right but for what is said. */
const login = (
  more: string,
  { provider = "service: shop", secret: part = "clientSecret: { fromEnv: PARTNERS_CA }" } = {},
) =>
  `services: { shop: { endpoints: ["10.0.0.1:80"] } }
gateways: { g: { listeners: [{ name: a, port: 80 }], policies: [p] } }
routes: { r: { rules: [{ backends: [{ service: shop }] }] } }
---
secrets: { s: { ${part} } }
policies: { p: { oidc: { clientID: a, clientSecret: s, ${more}provider: { authorizationEndpoint: "http://a/", tokenEndpoint: "http://a/", ${provider} } } } }
`;
const logins: readonly Row[] = [
  [
    "no client",
    policy("oidc: { provider: { authorizationEndpoint: 'http://a/', tokenEndpoint: 'http://a/', service: shop } }"),
    "missing-key 4:18",
    "missing-key 4:18",
  ],
  ["a secret that is not there", login("", { secret: "ca: { fromEnv: PARTNERS_CA }" }), "dangling-reference 6:53"],
  ["a secret that is several lines", login(""), "invalid-secret 5:42"],
  ["a secret that is not set", login("", { secret: "clientSecret: { fromEnv: NOBODY }" }), "invalid-secret 5:42"],
  ["a secret on the Envoy", login("", { secret: "clientSecret: { nodeFile: /a }" }), "invalid-value 5:43"],
  [
    "a secret beside another",
    login("", { secret: "clientSecret: { file: a }, ca: { file: b }" }),
    "invalid-value 5:31",
  ],
  [
    "a service that is not there",
    login("", { provider: "service: shup" }),
    "invalid-secret 5:42",
    "dangling-reference 6:141",
  ],
  ["an issuer, which nobody asks", login("", { provider: "service: shop, issuer: 'http://a/'" }), "unknown-key 6:147"],
  ["a way back with a query", login('redirectURL: "/back?a=b", '), "invalid-value 6:69"],
  ["a way back that logs out", login("redirectURL: 'https://a/x', logoutPath: /x, "), "invalid-value 6:96"],
  ["a cookie for every host", login('cookieDomain: "*.a.test", '), "invalid-value 6:70"],
];

describe.each([
  ["tokens", tokens],
  ["logins", logins],
  ["rules", rules],
  ["lists", lists],
  ["services that are asked", asked],
])("wrong %s", (_, rows) => {
  it.each(rows)("places %s", (_title, input, ...expected) => {
    const { diagnostics, intent } = parseText(input);
    expect(summarize(diagnostics)).toEqual(expected);
    expect(intent).toBeUndefined();
    for (const { message, hint, source } of diagnostics) {
      expect(message).not.toMatch(/undefined|\[object/);
      // Of a file with secrets nothing is quoted.
      if (!input.includes("secrets:")) expect([hint, source]).not.toContain(undefined);
    }
  });
});
