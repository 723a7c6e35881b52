/**
 * Wrong inputs of the parts that have Envoy run code of others: each with its code, line and column, and a way out.
 */
import { describe, expect, it } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

type Row = readonly [title: string, input: string, ...expected: string[]];

/** A policy that is attached, with this part on line 4. */
const policy = (part: string) =>
  `services: { shop: { endpoints: ["10.0.0.1:80"] }, grpc: { endpoints: ["10.0.0.1:81"], protocol: grpc } }
gateways: { g: { listeners: [{ name: a, port: 80 }], policies: [p] } }
routes: { r: { rules: [{ backends: [{ service: shop }, { service: grpc }] }] } }
policies: { p: { ${part} } }
`;

const good = "function envoy_on_request(h) end";

const lua: readonly Row[] = [
  ["no script", policy("lua: {}"), "missing-key 4:23"],
  ["two scripts in the place of one", policy(`lua: { file: a.lua, inline: "${good}" }`), "invalid-value 4:23"],
  ["a script that does not end", policy('lua: { inline: "function envoy_on_request(h)" }'), "invalid-lua 4:33"],
  ["a script that nobody calls", policy('lua: { inline: "function on_request(h) end" }'), "invalid-lua 4:33"],
  ["a script that is too long", policy(`lua: { inline: "${good}${" ".repeat(65_536)}" }`), "invalid-lua 4:33"],
  [
    "a script that is nested beyond measure",
    policy(`lua: { inline: "${good} x = ${"(".repeat(30_000)}1${")".repeat(30_000)}" }`),
    "invalid-lua 4:33",
  ],
  ["a file that holds something else", policy("lua: { file: one.pem }"), "invalid-lua 4:31"],
  ["no scripts", policy("lua: { scripts: [] }"), "invalid-value 4:34"],
  ["a script beside a list", policy(`lua: { file: a.lua, scripts: [{ inline: "${good}" }] }`), "invalid-value 4:31"],
  [
    "a mistake in a list",
    policy(`lua: { scripts: [{ inline: "${good}" }, { inline: "${good} end" }, {}] }`),
    "invalid-lua 4:93",
    "missing-key 4:135",
  ],
  ["five scripts", policy(`lua: { scripts: [${`{ inline: "${good}" }, `.repeat(5)}] }`), "invalid-value 4:34"],
];

const extProc: readonly Row[] = [
  ["no service", policy("extProc: { failOpen: true }"), "missing-key 4:18"],
  ["a service that there is not", policy("extProc: { service: gone }"), "dangling-reference 4:38"],
  ["a subset that there is not", policy("extProc: { service: grpc, subset: all }"), "dangling-reference 4:52"],
  ["nothing to process", policy("extProc: { service: grpc, processingMode: {} }"), "missing-key 4:60"],
  [
    "a body in Envoy's own word",
    policy("extProc: { service: grpc, processingMode: { request: { body: BUFFERED } } }"),
    "invalid-value 4:79",
  ],
  [
    "what cannot go on without the service",
    policy("extProc: { service: grpc, processingMode: { request: { body: FullDuplexStreamed } }, failOpen: true }"),
    "invalid-value 4:113",
  ],
  [
    "what another filter says",
    policy("extProc: { service: grpc, metadata: { writableNamespaces: [a, envoy.filters.http.jwt_authn] } }"),
    "invalid-value 4:80",
  ],
  ["no time at all", policy("extProc: { service: grpc, messageTimeout: 0s }"), "invalid-value 4:60"],
];

const digest = "0123456789abcdef".repeat(4);

const wasm: readonly Row[] = [
  ["no module", policy("wasm: { config: a }"), "missing-key 4:18"],
  ["a module from nowhere", policy("wasm: { code: {} }"), "missing-key 4:32"],
  ["a module from two places", policy("wasm: { code: { file: one.pem, nodeFile: /b } }"), "invalid-value 4:32"],
  ["a file that holds something else", policy("wasm: { code: { file: one.pem } }"), "invalid-wasm 4:40"],
  ["no digest", policy("wasm: { code: { http: { url: 'http://a/b', service: shop } } }"), "missing-key 4:34"],
  [
    "a digest that is none",
    policy(`wasm: { code: { http: { url: 'http://a/b', sha256: ${digest.toUpperCase()}, service: shop } } }`),
    "invalid-value 4:69",
  ],
  ["no service", policy(`wasm: { code: { http: { url: 'http://a/b', sha256: ${digest} } } }`), "missing-key 4:34"],
  [
    "a service that there is not",
    policy(`wasm: { code: { http: { url: 'http://a/b', sha256: ${digest}, service: gone } } }`),
    "dangling-reference 4:144",
  ],
  ["an unknown runtime", policy("wasm: { code: { nodeFile: /a }, runtime: node }"), "invalid-value 4:59"],
];

const api = "type.googleapis.com/envoy.extensions.filters.http";
const stats = `{ "@type": ${api}.grpc_stats.v3.FilterConfig }`;

const extensions: readonly Row[] = [
  ["no extension", policy("extensions: []"), "invalid-value 4:30"],
  ["no config", policy("extensions: [{ name: a }]"), "missing-key 4:31"],
  ["no name", policy(`extensions: [{ typedConfig: ${stats} }]`), "missing-key 4:31"],
  ["a config without a type", policy("extensions: [{ name: a, typedConfig: { a: 1 } }]"), "missing-key 4:42"],
  [
    "a type that there is not",
    policy(`extensions: [{ name: a, typedConfig: { "@type": ${api}.grpc_stats.v3.Config } }]`),
    "unknown-envoy-type 4:66",
  ],
  [
    "a field that there is not",
    policy(`extensions: [{ name: a, typedConfig: { "@type": ${api}.grpc_stats.v3.FilterConfig, emit: true } }]`),
    "invalid-envoy-resource 4:144",
  ],
  [
    "a field that Envoy's constraints refuse",
    policy(`extensions: [{ name: a, typedConfig: { "@type": ${api}.buffer.v3.Buffer } }]`),
    "envoy-constraint 4:42",
  ],
  [
    "an extension of another kind",
    policy(
      'extensions: [{ name: a, typedConfig: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: shop, stat_prefix: a } }]',
    ),
    "wrong-extension 4:66",
  ],
  [
    "a mistake in what routes say",
    policy(
      `extensions: [{ name: a, typedConfig: ${stats}, routeConfig: { "@type": ${api}.buffer.v3.BufferPerRoute, disabled: false } }]`,
    ),
    "envoy-constraint 4:256",
  ],
  [
    "two places",
    policy(`extensions: [{ name: a, before: jwt, after: cors, typedConfig: ${stats} }]`),
    "invalid-value 4:62",
  ],
  [
    "a place that there is not",
    policy(`extensions: [{ name: a, before: router, typedConfig: ${stats} }]`),
    "invalid-value 4:50",
  ],
  [
    "one name twice",
    policy(`extensions: [{ name: a, typedConfig: ${stats} }, { name: a, typedConfig: ${stats} }]`),
    "duplicate-name 4:150",
  ],
  [
    "a service that there is not",
    policy(`extensions: [{ name: a, typedConfig: ${stats}, services: [{ service: gone }] }]`),
    "dangling-reference 4:168",
  ],
];

describe.each([
  ["extensions", extensions],
  ["WebAssembly", wasm],
  ["scripts", lua],
  ["external processing", extProc],
] as const)("%s", (_, rows) => {
  it.each(rows)("%s", (_title, input, ...expected) => {
    const { diagnostics } = parseText(input);
    const told = diagnostics.filter(({ code }) => code !== "unused-definition");
    expect(summarize(told)).toEqual(expected);
    for (const { hint, message } of told) {
      expect(hint, message).toBeDefined();
      expect(message).not.toMatch(/undefined|\[object/);
    }
  });
});
