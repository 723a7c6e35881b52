/**
 * `tracing` of a gateway, and of rules and policies: of which requests there are spans, and what they say.
 */
import * as z from "zod";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** Envoy's own default is 256; more than a few kilobytes a collector cuts off itself. */
const PATH_TAG_LENGTH_MAX = 16_384;
/** A span with more attributes than this is cut by collectors: OpenTelemetry's own limit is 128. */
const TAGS_MAX = 100;

/** Where the value of a tag is from; exactly one of them. */
const sources = ["literal", "header", "environment", "metadata"] as const;

const customTag = block({
  literal: scalar("text").optional().describe("Always this text."),
  header: scalar("headerName").optional().describe("A header of the request."),
  environment: scalar("text").optional().describe("A variable in the environment of the Envoy."),
  metadata: block({
    of: z
      .enum(["request", "route", "cluster", "host"])
      .optional()
      .meta({ description: "What the metadata is of; request when absent." }),
    namespace: scalar("text").meta({
      description: "Mostly the name of the filter that wrote it.",
      examples: ["envoy.filters.http.jwt_authn"],
    }),
    path: z.array(scalar("text")).min(1).describe("The keys on the way to the value."),
  })
    .optional()
    .meta({
      description: "What an HTTP filter noted of the request.",
      examples: [{ namespace: "envoy.filters.http.jwt_authn", path: ["payload", "sub"] }],
    }),
  default: scalar("text").optional().describe("When there is no such value; the tag is left out when absent."),
})
  .superRefine((value, context) => {
    const written = sources.filter((source) => value[source] !== undefined);
    if (written.length !== 1) {
      const code = written.length === 0 ? "missing-key" : "invalid-value";
      const hint = written.length === 0 ? "for example `header: x-tenant`" : "make two tags of it";
      refuse(context, { code, message: `exactly one of ${sources.join(", ")} is needed`, hint });
    }
    if (value.literal === undefined || value.default === undefined) return;
    const message = "a literal is always there";
    refuse(context, { code: "invalid-value", message, hint: "remove it", path: ["default"] });
  })
  .meta({ description: "Where the value of an attribute is from.", examples: [{ header: "x-tenant" }] });

const customTags = z
  .record(scalar("text"), customTag)
  .superRefine((tags, context) => {
    const count = Object.keys(tags).length;
    if (count <= TAGS_MAX) return;
    const message = `${count} tags are more than the ${TAGS_MAX} that a span has room for`;
    refuse(context, { code: "invalid-value", message, hint: "keep those that somebody looks for" });
  })
  .meta({
    description: "Attributes of the spans, beside those that Envoy writes.",
    examples: [{ tenant: { header: "x-tenant", default: "none" }, stage: { literal: "prod" } }],
  });

const percent = z.number().min(0).max(100);

const samplingRate = percent.optional().meta({
  description: "Percent of the requests that come without a `traceparent`; whoever sends one has decided.",
  examples: [1, 100],
});

const receiver = {
  service: name.describe("The service that takes the spans."),
  subset: name.optional().describe("One subset of the service."),
};

export const gatewayTracingSchema = block({
  provider: block({
    grpc: block(receiver).optional().describe("It speaks OTLP over gRPC, mostly on port 4317; `protocol: grpc`."),
    http: block({
      ...receiver,
      path: scalar("urlPath").optional().meta({ description: "`/v1/traces` when absent." }),
    })
      .optional()
      .describe("It speaks OTLP over HTTP, mostly on port 4318."),
  })
    .superRefine((value, context) => {
      const written = (["grpc", "http"] as const).filter((key) => value[key] !== undefined);
      if (written.length === 1) return;
      const code = written.length === 0 ? "missing-key" : "invalid-value";
      const hint =
        written.length === 0 ? "for example `grpc: { service: … }`" : "keep one; a collector can pass spans on";
      refuse(context, { code, message: "exactly one of grpc, http is needed", hint });
    })
    .meta({ description: "Who takes the spans.", examples: [{ grpc: { service: "collector" } }] }),
  serviceName: scalar("text")
    .optional()
    .meta({
      description: "The `service.name` of the spans; the name of the gateway when absent.",
      examples: ["edge"],
    }),
  samplingRate,
  clientForce: z
    .boolean()
    .optional()
    .meta({ description: "Whether every request with `x-client-trace-id` is traced; false when absent." }),
  clientContext: z.enum(["trust", "ignore"]).optional().meta({
    description:
      "trust goes on with the trace and the decision in a client's `traceparent`; ignore takes it off the request first. trust when absent.",
  }),
  spawnUpstreamSpan: z
    .boolean()
    .optional()
    .meta({ description: "Whether each try to reach a backend is a span of its own; true when absent." }),
  maxPathTagLength: z
    .int()
    .min(1)
    .max(PATH_TAG_LENGTH_MAX)
    .optional()
    .meta({ description: "What is left of long paths; 256 when absent." }),
  customTags: customTags.optional(),
}).meta({
  description: "Spans of the requests, sent to an OpenTelemetry collector.",
  examples: [{ provider: { grpc: { service: "collector" } }, samplingRate: 1 }],
});

export const ruleTracingSchema = block({
  samplingRate,
  operation: scalar("headerValue")
    .optional()
    .meta({
      description: "The name of the span; `route/rule` when absent.",
      examples: ["checkout"],
    }),
  customTags: customTags.optional(),
}).meta({
  description: "What of the gateway's `tracing` is otherwise here.",
  examples: [{ samplingRate: 100 }],
});

export type GatewayTracingValue = z.infer<typeof gatewayTracingSchema>;
export type RuleTracingValue = z.infer<typeof ruleTracingSchema>;
