/**
 * Broken constraints against a real Envoy: what Fairway refuses an Envoy refuses too, for the same field, and
 * takes when the value is right.
 *
 * Each row is a bootstrap with one resource and one value in it, for Envoy's own `--mode validate`.
 */
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Child } from "../../demo/kit/child.ts";
import { envoyBinary } from "../../demo/kit/envoy-binary.ts";
import { violatedConstraints } from "../../src/model/constraints.ts";
import type { JsonValue } from "../../src/model/intent.ts";
import { present } from "../../src/support/assert.ts";
import { envoyApi } from "../support/envoy-api.ts";

type JsonMap = { readonly [key: string]: JsonValue };

const prefix = "type.googleapis.com/";
const bootstrapType = `${prefix}envoy.config.bootstrap.v3.Bootstrap`;

const healthCheck = { timeout: "1s", interval: "1s", unhealthy_threshold: 1, healthy_threshold: 1 };
const http = { http_health_check: { path: "/" } };

function cluster(rest: JsonMap): JsonValue {
  return { static_resources: { clusters: [{ name: "c", ...rest }] } };
}

/** A listener whose routes are written in its connection manager: an Any, with an Any for each filter. */
function listener(manager: JsonMap, host: JsonMap = {}, route: JsonMap = {}): JsonValue {
  const action = { match: { prefix: "/" }, direct_response: { status: 200 }, ...route };
  const config = {
    "@type": `${prefix}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "s",
    route_config: { virtual_hosts: [{ name: "v", domains: ["*"], routes: [action], ...host }] },
    http_filters: [
      {
        name: "router",
        typed_config: { "@type": `${prefix}envoy.extensions.filters.http.router.v3.Router` },
      },
    ],
    ...manager,
  };
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  const chain = { filters: [{ name: "hcm", typed_config: config }] };
  return { static_resources: { listeners: [{ name: "l", address, filter_chains: [chain] }] } };
}

function http2(options: JsonMap): JsonMap {
  const type = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const config = { "@type": prefix + type, explicit_http_config: { http2_protocol_options: options } };
  return { typed_extension_protocol_options: { [type]: config } };
}

function buffer(bytes: number): JsonMap {
  const type = `${prefix}envoy.extensions.filters.http.buffer.v3.Buffer`;
  const router = { "@type": `${prefix}envoy.extensions.filters.http.router.v3.Router` };
  const typed = { "@type": type, max_request_bytes: bytes };
  return {
    http_filters: [
      { name: "buffer", typed_config: typed },
      { name: "router", typed_config: router },
    ],
  };
}

/** What is wrong, in which field, a bootstrap with it, and one without. */
const rows: readonly (readonly [what: string, field: string, wrong: JsonValue, right: JsonValue])[] = [
  ["a duration", "connect_timeout", cluster({ connect_timeout: "0s" }), cluster({ connect_timeout: "0.001s" })],
  ["an enum value that does not exist", "lb_policy", cluster({ lb_policy: 77 }), cluster({ lb_policy: 1 })],
  [
    "a message that must be there",
    "healthy_threshold",
    cluster({ health_checks: [{ timeout: "1s", interval: "1s", unhealthy_threshold: 1, ...http }] }),
    cluster({ health_checks: [{ ...healthCheck, ...http }] }),
  ],
  [
    "a oneof that must be chosen",
    "health_checker",
    cluster({ health_checks: [healthCheck] }),
    cluster({ health_checks: [{ ...healthCheck, tcp_health_check: {} }] }),
  ],
  [
    "an enum value that is excluded",
    "method",
    cluster({ health_checks: [{ ...healthCheck, http_health_check: { path: "/", method: "CONNECT" } }] }),
    cluster({ health_checks: [{ ...healthCheck, http_health_check: { path: "/", method: "HEAD" } }] }),
  ],
  [
    "a share above 100",
    "value",
    cluster({ circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 101 } } }] } }),
    cluster({ circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 100 } } }] } }),
  ],
  [
    "a number in an Any",
    "initial_stream_window_size",
    cluster(http2({ initial_stream_window_size: 65_534 })),
    cluster(http2({ initial_stream_window_size: 65_535 })),
  ],
  ["a text in an Any", "stat_prefix", listener({ stat_prefix: "" }), listener({ stat_prefix: "x" })],
  ["a number in an Any in an Any", "max_request_bytes", listener(buffer(0)), listener(buffer(1))],
  ["a list without items", "domains", listener({}, { domains: [] }), listener({}, { domains: ["a"] })],
  [
    "a status below 200",
    "status",
    listener({}, {}, { direct_response: { status: 199 } }),
    listener({}, {}, { direct_response: { status: 599 } }),
  ],
  [
    "a pattern",
    "path_separated_prefix",
    listener({}, {}, { match: { path_separated_prefix: "/a/" } }),
    listener({}, {}, { match: { path_separated_prefix: "/a" } }),
  ],
  [
    "a header with a line break",
    "key",
    listener({}, { request_headers_to_add: [{ header: { key: "a\nb", value: "c" } }] }),
    listener({}, { request_headers_to_add: [{ header: { key: "a-b", value: "c" } }] }),
  ],
];

describe.concurrent("Fairway and a real Envoy agree about", { timeout: 60_000 }, () => {
  it.each(rows)("%s", async (_, field, wrong, right) => {
    const refusal = await validate(wrong);
    expect(refusal).toContain("Proto constraint validation failed");
    const innermost = refusal.split(/caused by|Proto constraint validation failed/).at(-1) ?? "";
    expect(lettersOf(innermost)).toContain(lettersOf(field));
    // Envoy names the oneof that is missing, Fairway the message that lacks it.
    expect(problemsOf(wrong)).toEqual([field === "health_checker" ? "health_checks" : field]);
    expect(problemsOf(right)).toEqual([]);
    expect(await validate(right)).toBe("");
  });
});

/** Envoy writes ConnectTimeout for what is connect_timeout in the proto. */
function lettersOf(text: string): string {
  return text.replaceAll(/[^a-z]/gi, "").toLowerCase();
}

/** The last name of each path. */
function problemsOf(bootstrap: JsonValue): readonly string[] {
  const encoded = envoyApi.encode(bootstrapType, bootstrap);
  if (!encoded.ok) throw new Error(encoded.error.message);
  const type = present(envoyApi.descriptor(bootstrapType), "it has just been encoded");
  return violatedConstraints(envoyApi, type, encoded.value.message).map(({ path }) =>
    String(path.findLast((step) => typeof step === "string")),
  );
}

/** What Envoy says against the bootstrap; empty when it takes it. */
async function validate(bootstrap: JsonValue): Promise<string> {
  await using directory = await mkdtempDisposable(join(tmpdir(), "fairway-constraints-"));
  const path = join(directory.path, "envoy.json");
  await writeFile(path, JSON.stringify(bootstrap));
  const envoy = await Child.start({
    name: "envoy",
    command: await envoyBinary(),
    args: ["--mode", "validate", "-c", path, "-l", "error"],
  });
  const { code } = await envoy.exited;
  return code === 0 ? "" : envoy.logs().map(String).join("\n");
}
