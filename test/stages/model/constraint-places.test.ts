/**
 * Where a broken constraint is told: into every `Any`, at the line that is wrong, and without secrets.
 */
import { describe, expect, test } from "vitest";
import { violatedConstraints } from "../../../src/model/constraints.ts";
import type { JsonValue } from "../../../src/model/intent.ts";
import { formatPath } from "../../../src/model/position.ts";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import { present } from "../../../src/support/assert.ts";
import type { EnvoyResource } from "../../../src/translate/envoy-resource.ts";
import { place } from "../../support/build-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { parseText, summarize } from "./parse-text.ts";

const prefix = "type.googleapis.com/";
const core = "envoy.config.core.v3";
const route = "envoy.config.route.v3";
const cluster = "envoy.config.cluster.v3";
const filters = "envoy.extensions.filters";

/** `path: message` of every problem of a message. */
function problemsOf(typeName: string, json: JsonValue, options?: { readonly intoAny: boolean }): readonly string[] {
  const type = present(envoyApi.registry.getMessage(typeName), "the test names an Envoy type");
  const encoded = envoyApi.encode(prefix + typeName, json);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return violatedConstraints(envoyApi, type, encoded.value.message, options).map(
    ({ path, message }) => `${formatPath(path)}: ${message}`,
  );
}

describe("an Any", () => {
  const perRoute = {
    "@type": `${prefix}${route}.FilterConfig`,
    config: { "@type": `${prefix}${filters}.http.buffer.v3.BufferPerRoute`, buffer: { max_request_bytes: 0 } },
  };
  const host = { name: "a", domains: ["a"], typed_per_filter_config: { buffer: perRoute } };
  const manager = {
    "@type": `${prefix}${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "",
    route_config: { virtual_hosts: [host] },
  };
  const listener = { filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }] };

  test("is held to the type that it names, and so is the Any in it", () => {
    const top = "filter_chains[0].filters[0].typed_config";
    const config = `${top}.route_config.virtual_hosts[0].typed_per_filter_config.buffer.config`;
    expect(problemsOf("envoy.config.listener.v3.Listener", listener)).toEqual([
      `${top}.stat_prefix: must not be empty`,
      `${config}.buffer.max_request_bytes: must be greater than 0, but is 0`,
    ]);
  });

  test("is left out on demand, as the code that protoc-gen-validate writes leaves it out", () => {
    expect(problemsOf("envoy.config.listener.v3.Listener", listener, { intoAny: false })).toEqual([]);
  });

  test("directly in an Any stands under `value`", () => {
    const outer = { "@type": `${prefix}google.protobuf.Any`, value: { "@type": `${prefix}${cluster}.Cluster` } };
    expect(problemsOf(`${core}.TypedExtensionConfig`, { name: "a", typed_config: outer })).toEqual([
      "typed_config.value.name: must not be empty",
    ]);
  });

  test("that is empty, or holds a type without rules, has no problems", () => {
    const text = { "@type": `${prefix}google.protobuf.StringValue`, value: "" };
    expect(problemsOf(`${core}.TypedExtensionConfig`, { name: "a", typed_config: {} })).toEqual([]);
    expect(problemsOf(`${core}.TypedExtensionConfig`, { name: "a", typed_config: text })).toEqual([]);
  });
});

describe("a raw resource", () => {
  test("is refused at the lines that are wrong", () => {
    const { diagnostics, intent } = parseText(`resources:
  - "@type": ${prefix}${cluster}.Cluster
    name: raw
    connectTimeout: 0s
    health_checks:
      - timeout: 1s
        interval: 1s
        unhealthyThreshold: 1
        tcp_health_check: {}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": ${prefix}envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options:
            initial_stream_window_size: 5
  - "@type": ${prefix}${cluster}.Cluster
    name: other
    lb_policy: 77
`);
    expect(intent).toBeUndefined();
    expect(summarize(diagnostics)).toEqual([
      "envoy-constraint 4:21",
      "envoy-constraint 6:9",
      "envoy-constraint 15:41",
      "envoy-constraint 18:16",
    ]);
    expect(diagnostics.map(({ path }) => path?.replace(/.*\]\.?/, ""))).toEqual([
      "connect_timeout",
      "healthy_threshold",
      "explicit_http_config.http2_protocol_options.initial_stream_window_size",
      "lb_policy",
    ]);
  });

  test("beside a secret is refused without its values and lines", () => {
    const { diagnostics } = parseText(`resources:
  - "@type": ${prefix}envoy.extensions.transport_sockets.tls.v3.Secret
    name: server
    tls_certificate:
      private_key: { inline_string: "-----BEGIN PRIVATE KEY-----" }
      certificate_chain: { filename: "" }
  - "@type": ${prefix}${cluster}.Cluster
    name: raw
    connect_timeout: -4711s
`);
    expect(diagnostics.map(({ message }) => message)).toEqual([
      "`filename` must not be empty",
      "`connect_timeout` must be greater than 0s, but is …",
    ]);
    expect(diagnostics.every(({ code, source }) => code === "envoy-constraint" && source === undefined)).toBe(true);
  });
});

test("no sentence quotes a text, which could be a secret", () => {
  const secret = "0canary-4711\u0000?";
  const problems = [
    ...problemsOf(`${core}.HeaderValueOption`, { header: { key: secret, value: secret } }),
    ...problemsOf(`${core}.SchemeHeaderTransformation`, { scheme_to_overwrite: secret }),
    ...problemsOf(`${route}.RateLimit.HitsAddend`, { format: secret }),
    ...problemsOf(`${route}.RouteMatch`, { path_separated_prefix: secret }),
  ];
  expect(problems.length).toBe(6);
  expect(problems.join()).not.toContain("canary");
});

test("a generated resource is refused at the line that it was made from", () => {
  const resource: EnvoyResource = {
    typeUrl: `${prefix}${cluster}.Cluster`,
    name: "shop",
    json: { name: "shop", connect_timeout: "0s" },
    at: place(7),
  };
  const message = 'Cluster "shop": connect_timeout must be greater than 0s, but is 0s';
  expect(createResourceEncoder(envoyApi).encode(resource)).toEqual({
    ok: false,
    error: [{ code: "envoy-constraint", severity: "error", message, at: place(7) }],
  });
});
