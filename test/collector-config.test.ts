/**
 * The collector's config in `examples/otel-collector/`, held to what a collector would say of it, and to what Envoys send.
 *
 * There is no collector on this machine, so its rules are written down here: the shape of what the config uses, that
 * pipelines name what is there, and that whatever is there is used. That Envoy's spans have the attributes that it
 * decides by is seen in `test/envoy/tracing.test.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

const policy = z.discriminatedUnion("type", [
  z.strictObject({
    name: z.string(),
    type: z.literal("status_code"),
    status_code: z.strictObject({ status_codes: z.array(z.enum(["OK", "ERROR", "UNSET"])).min(1) }),
  }),
  z.strictObject({
    name: z.string(),
    type: z.literal("latency"),
    latency: z.strictObject({ threshold_ms: z.int().positive() }),
  }),
  z.strictObject({
    name: z.string(),
    type: z.literal("string_attribute"),
    string_attribute: z.strictObject({
      key: z.string().min(1),
      values: z.array(z.string()).min(1),
      enabled_regex_matching: z.boolean(),
    }),
  }),
  z.strictObject({
    name: z.string(),
    type: z.literal("probabilistic"),
    probabilistic: z.strictObject({ sampling_percentage: z.number().min(0).max(100) }),
  }),
]);

const endpoint = z.strictObject({ endpoint: z.string().regex(/^[0-9.]+:[0-9]+$/) });

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/processor/tailsamplingprocessor */
const collector = z.strictObject({
  receivers: z.strictObject({
    otlp: z.strictObject({ protocols: z.strictObject({ grpc: endpoint, http: endpoint }) }),
  }),
  processors: z.strictObject({
    memory_limiter: z.strictObject({
      check_interval: z.string().regex(/^[0-9]+s$/),
      limit_percentage: z.int().positive(),
      spike_limit_percentage: z.int().positive(),
    }),
    tail_sampling: z.strictObject({
      decision_wait: z.string().regex(/^[0-9]+s$/),
      num_traces: z.int().positive(),
      expected_new_traces_per_sec: z.int().positive(),
      policies: z.array(policy).min(1),
    }),
    batch: z.strictObject({}),
  }),
  exporters: z.strictObject({ debug: z.strictObject({ verbosity: z.enum(["basic", "normal", "detailed"]) }) }),
  extensions: z.strictObject({ health_check: endpoint }),
  service: z.strictObject({
    extensions: z.array(z.string()),
    pipelines: z.record(
      z.enum(["traces", "logs"]),
      z.strictObject({
        receivers: z.array(z.string()).min(1),
        processors: z.array(z.string()),
        exporters: z.array(z.string()).min(1),
      }),
    ),
  }),
});

const file = join(import.meta.dirname, "../examples/otel-collector/collector.yaml");
const config = collector.parse(parse(readFileSync(file, "utf8")));

test("pipelines name what is there, and all that is there is used", () => {
  const pipelines = Object.values(config.service.pipelines);
  for (const kind of ["receivers", "processors", "exporters"] as const) {
    const used = new Set(pipelines.flatMap((pipeline) => pipeline[kind]));
    expect([...used].toSorted(), kind).toEqual(Object.keys(config[kind]).toSorted());
  }
  expect(config.service.extensions).toEqual(Object.keys(config.extensions));
  for (const { processors } of pipelines) {
    // The limit has to refuse before anything is kept, and a batch is of what was decided on.
    expect(processors[0]).toBe("memory_limiter");
    expect(processors.at(-1)).toBe("batch");
  }
});

test("traces are kept for errors, slowness and a canary, and memory is enough for those that wait", () => {
  const {
    policies,
    decision_wait: wait,
    num_traces: traces,
    expected_new_traces_per_sec: rate,
  } = config.processors.tail_sampling;
  expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length);
  expect(new Set(policies.map(({ type }) => type))).toEqual(
    new Set(["status_code", "latency", "string_attribute", "probabilistic"]),
  );
  expect(traces).toBeGreaterThan(Number.parseInt(wait, 10) * rate);
  const canary = policies.find(({ name }) => name === "canary");
  const [pattern = ""] = canary?.type === "string_attribute" ? canary.string_attribute.values : [];
  for (const [cluster, isCanary] of [
    ["reviews|canary", true],
    ["reviews|canary|fallback", true],
    ["reviews|stable", false],
    ["canary", false],
  ] as const) {
    expect(new RegExp(pattern).test(cluster), cluster).toBe(isCanary);
  }
});
