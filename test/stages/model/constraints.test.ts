/**
 * Envoy's own constraints: every kind of rule, and every rule that the API uses.
 */
import { describe, expect, test } from "vitest";
import { createRuleReader } from "../../../src/model/constraint-rules.ts";
import { valueJudges } from "../../../src/model/constraint-values.ts";
import { violatedConstraints } from "../../../src/model/constraints.ts";
import type { JsonValue } from "../../../src/model/intent.ts";
import { formatPath } from "../../../src/model/position.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const prefix = "type.googleapis.com/";

/** `path: message` of every problem of a message. */
function problemsOf(typeName: string, json: JsonValue): readonly string[] {
  const type = present(envoyApi.registry.getMessage(typeName), "the test names an Envoy type");
  const encoded = envoyApi.encode(prefix + typeName, json);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return violatedConstraints(envoyApi, type, encoded.value.message).map(
    ({ path, message }) => `${formatPath(path)}: ${message}`,
  );
}

type Row = readonly [rule: string, type: string, json: JsonValue, expected: readonly string[]];

/** What the interpreter knows and the differential fuzz compares; a rule that a new API brings must be added to both. */
const knownRules = [
  "any.required",
  "bool.const",
  "bytes.max_len",
  "bytes.min_len",
  "double.gt",
  "double.gte",
  "double.lt",
  "double.lte",
  "duration.gt",
  "duration.gte",
  "duration.lt",
  "duration.lte",
  "duration.required",
  "enum.defined_only",
  "enum.not_in",
  "float.gte",
  "int32.gt",
  "int32.gte",
  "int32.lte",
  "int64.gt",
  "map.keys.string.min_len",
  "map.keys.string.pattern",
  "map.min_pairs",
  "map.values.string.min_len",
  "message.required",
  "message.skip",
  "repeated.items.double.gt",
  "repeated.items.enum.defined_only",
  "repeated.items.string.in",
  "repeated.items.string.max_bytes",
  "repeated.items.string.min_bytes",
  "repeated.items.string.min_len",
  "repeated.items.string.pattern",
  "repeated.items.string.strict",
  "repeated.items.string.well_known_regex",
  "repeated.items.uint32.gte",
  "repeated.items.uint32.lt",
  "repeated.items.uint32.lte",
  "repeated.max_items",
  "repeated.min_items",
  "repeated.unique",
  "string.ignore_empty",
  "string.in",
  "string.max_bytes",
  "string.max_len",
  "string.min_bytes",
  "string.min_len",
  "string.pattern",
  "string.prefix",
  "string.strict",
  "string.suffix",
  "string.well_known_regex",
  "uint32.gt",
  "uint32.gte",
  "uint32.ignore_empty",
  "uint32.lt",
  "uint32.lte",
  "uint64.gt",
  "uint64.gte",
  "uint64.lt",
  "uint64.lte",
];

const core = "envoy.config.core.v3";
const route = "envoy.config.route.v3";
const cluster = "envoy.config.cluster.v3";
const filters = "envoy.extensions.filters.http";
const check = { timeout: "1s", interval: "1s", unhealthy_threshold: 1, healthy_threshold: 1 };
const lineBreak = "must not hold a line break or a NUL character, which no header can";

const texts: readonly Row[] = [
  ["that must be there", `${cluster}.Cluster`, {}, ["name: must not be empty"]],
  [
    "counted in code points",
    `${filters}.api_key_auth.v3.KeySource`,
    { header: "\u{1F6A2}".repeat(1025) },
    ["header: must have at most 1024 characters, but has 1025"],
  ],
  [
    "with as many code points as allowed",
    `${filters}.api_key_auth.v3.KeySource`,
    { header: "\u{1F6A2}".repeat(1024) },
    [],
  ],
  [
    "counted in bytes",
    `${core}.HeaderValue`,
    { key: "\u{e9}".repeat(8193) },
    ["key: must have at most 16384 bytes, but has 16386"],
  ],
  [
    "in bytes",
    "envoy.config.tap.v3.HttpGenericBodyMatch.GenericTextMatch",
    { binary_match: "" },
    ["binary_match: must not be empty"],
  ],
  [
    "in a list",
    `${route}.InternalRedirectPolicy`,
    { response_headers_to_copy: ["a", "b", "a"] },
    ["response_headers_to_copy[2]: must not be there twice"],
  ],
  [
    "that is none of those allowed",
    `${core}.SchemeHeaderTransformation`,
    { scheme_to_overwrite: "ftp" },
    ['scheme_to_overwrite: must be one of "http", "https"'],
  ],
  ["without its first letter", `${route}.RateLimit.HitsAddend`, { format: "REQ%" }, ['format: must start with "%"']],
  ["that may be empty or else has rules", `${route}.RateLimit.HitsAddend`, { format: "" }, []],
  [
    "that does not match",
    `${route}.RouteMatch`,
    { path_separated_prefix: "/a/" },
    ["path_separated_prefix: must match the regular expression ^[^?#]+[^?#/]$"],
  ],
  [
    "that is no header",
    `${core}.HeaderValueOption`,
    { header: { key: "a\nb", value: "c\r" } },
    [`header.key: ${lineBreak}`, `header.value: ${lineBreak}`],
  ],
];

const numbers: readonly Row[] = [
  [
    "a duration that is too short",
    `${cluster}.Cluster`,
    { name: "a", connect_timeout: "-0.25s" },
    ["connect_timeout: must be greater than 0s, but is -0.25s"],
  ],
  [
    "a duration that is too long",
    "envoy.extensions.common.aws.v3.AssumeRoleCredentialProvider",
    { role_arn: "a", session_duration: "43200.5s" },
    ["session_duration: must be at least 900s and at most 43200s, but is 43200.5s"],
  ],
  [
    "a number in a wrapper",
    `${cluster}.Cluster.LeastRequestLbConfig`,
    { choice_count: 1 },
    ["choice_count: must be at least 2, but is 1"],
  ],
  [
    "a number between two bounds",
    `${core}.Http2ProtocolOptions`,
    { initial_stream_window_size: 1 },
    ["initial_stream_window_size: must be at least 65535 and at most 2147483647, but is 1"],
  ],
  [
    "a number that nobody wrote",
    `${route}.DirectResponseAction`,
    {},
    ["status: must be at least 200 and less than 600, but is 0"],
  ],
  ["a number that may be absent", `${filters}.ext_authz.v3.ShadowDecision`, {}, []],
  [
    "an enum value that does not exist",
    `${core}.SocketAddress`,
    { address: "a", port_value: 1, protocol: 7 },
    ["protocol: must be one of TCP, UDP, but is 7"],
  ],
  [
    "an enum value that is excluded",
    `${core}.HealthCheck.HttpHealthCheck`,
    { path: "/", method: "CONNECT" },
    ["method: must not be CONNECT"],
  ],
  [
    "a truth value with one meaning",
    "envoy.config.rbac.v3.Permission",
    { any: false },
    ["any: must be true, but is false"],
  ],
];

const structure: readonly Row[] = [
  [
    "a message that must be there",
    `${core}.HealthCheck`,
    { timeout: "1s", interval: "1s", unhealthy_threshold: 1, tcp_health_check: {} },
    ["healthy_threshold: is required"],
  ],
  ["a duration that must be there", `${core}.BackoffStrategy`, {}, ["base_interval: is required"]],
  ["an Any that must be there", `${core}.TypedExtensionConfig`, { name: "a" }, ["typed_config: is required"]],
  [
    "a oneof that must be chosen",
    `${core}.HealthCheck`,
    check,
    [": needs one of http_health_check, tcp_health_check, grpc_health_check, custom_health_check"],
  ],
  ["too few items", "envoy.config.rbac.v3.Permission.Set", {}, ["rules: must have at least 1 item, but has 0"]],
  [
    "an empty map",
    "envoy.config.common.matcher.v3.Matcher.MatcherTree.MatchMap",
    {},
    ["map: must have at least 1 pair, but has 0"],
  ],
  [
    "the key and the value of a map",
    "envoy.service.rate_limit_quota.v3.BucketId",
    { bucket: { "": "a", b: "" } },
    ['bucket[""]: the key must not be empty', "bucket.b: must not be empty"],
  ],
  ["a message that is left out by its rule", `${core}.KeyValueAppend`, { entry: {} }, []],
  [
    "a message in a list in a message",
    `${cluster}.CircuitBreakers`,
    { thresholds: [{}, { retry_budget: { budget_percent: { value: 101 } } }] },
    ["thresholds[1].retry_budget.budget_percent.value: must be at least 0 and at most 100, but is 101"],
  ],
];

describe("a text", () => {
  test.each(texts)("%s", (_, type, json, expected) => {
    expect(problemsOf(type, json)).toEqual(expected);
  });
});

describe("a value:", () => {
  test.each(numbers)("%s", (_, type, json, expected) => {
    expect(problemsOf(type, json)).toEqual(expected);
  });
});

describe("in a message:", () => {
  test.each(structure)("%s", (_, type, json, expected) => {
    expect(problemsOf(type, json)).toEqual(expected);
  });
});

test("bounds in the wrong order leave out what lies between them", () => {
  const [judge] = valueJudges({ uint32: { lt: 10, gte: 20 } }, undefined);
  expect([9, 10, 19, 20].map((value) => judge?.(value))).toEqual([
    undefined,
    "must be less than 10 or at least 20, but is 10",
    "must be less than 10 or at least 20, but is 19",
    undefined,
  ]);
});

test("the interpreter knows every rule that the Envoy API uses", () => {
  const reader = createRuleReader(envoyApi);
  const used = new Map<string, number>();
  const count = (rules: object, path: string): void => {
    for (const [name, value] of Object.entries(rules)) {
      const isRule = Array.isArray(value) || typeof value !== "object" || path === "duration.";
      if (isRule) used.set(path + name, (used.get(path + name) ?? 0) + 1);
      else count(value as object, `${path}${name}.`);
    }
  };
  for (const type of envoyApi.registry) {
    if (type.kind === "message") for (const field of type.fields) count(reader.of(field) ?? {}, "");
  }
  expect([...used.keys()].sort()).toEqual(knownRules);
  expect([...used.values()].reduce((sum, uses) => sum + uses, 0)).toBeGreaterThan(2_000);
});
