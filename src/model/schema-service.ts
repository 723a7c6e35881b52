/**
 * `services`: endpoints, the subsets among them, and how they are treated.
 */
import * as z from "zod";
import { discoverySchema } from "./schema-discovery.ts";
import { policyShape } from "./schema-service-policy.ts";
import {
  blockKnownBy,
  block,
  endpointAddress,
  name,
  refuseBothSpellings,
  scalar,
  WEIGHT_MAX,
  withProtoSpelling,
} from "./schema-scalars.ts";

/** Envoy allows priorities 0 to 128 (envoy.config.endpoint.v3.LocalityLbEndpoints). */
const PRIORITY_MAX = 128;

const labels = z
  .record(scalar("text"), z.string({ error: "text" }))
  .meta({ description: "Labels, as texts.", examples: [{ version: "v1" }] });

const endpointShape = {
  address: endpointAddress.describe("IP address and port."),
  labels: labels.optional(),
  locality: scalar("locality").optional().meta({ description: "region/zone/subZone" }),
  weight: z
    .int()
    .min(1)
    .max(WEIGHT_MAX)
    .optional()
    .meta({ description: "The endpoint's share among its locality; 1 when absent." }),
  priority: z.int().min(0).max(PRIORITY_MAX).optional().meta({ description: "0 is used first." }),
  health: z.enum(["healthy", "draining", "unhealthy"]).optional().meta({
    description: "draining: no new requests, connections stay; unhealthy: as if a check had failed.",
  }),
};

const endpointBlock = block(endpointShape);

/** What a program registers of itself: an endpoint, and more that it may say. */
export const instanceSchema = block({
  ...endpointShape,
  draining: z.boolean().optional(),
  /** For those who read the registry; Envoy is told of labels only. */
  metadata: z.record(z.string(), z.unknown()).optional(),
});

const policyShapeInBothSpellings = withProtoSpelling(policyShape);

const subsetShape = {
  labels: labels.meta({ description: "An endpoint belongs to the subset when it has all of these." }),
  fallback: name.optional().meta({
    description: "The subset that takes the requests when too few endpoints of this one are healthy.",
  }),
};

export const subsetSchema = blockKnownBy(
  { ...subsetShape, ...policyShapeInBothSpellings },
  Object.keys({ ...subsetShape, ...policyShape }),
)
  .superRefine(refuseBothSpellings)
  .meta({
    description:
      "A part of the endpoints as an Envoy cluster of its own; what it says wins over the service, field by field.",
    examples: [{ labels: { version: "v2" }, circuitBreaker: { maxRequests: 50 } }],
  });

const serviceShape = {
  protocol: z.enum(["http1", "http2", "http3", "grpc", "auto"]).optional().meta({
    description:
      "What the endpoints speak; http1 when absent. auto: HTTP/3 to those that say so in `alt-svc`, else HTTP/2 or HTTP/1.1 by ALPN. http3 and auto need `tls`.",
  }),
  endpoints: z
    .array(z.union([endpointAddress, endpointBlock]))
    .optional()
    .meta({ description: "IP addresses with ports; may be empty.", examples: [["10.0.0.1:8080"]] }),
  discovery: discoverySchema.optional(),
  subsets: z.record(name, subsetSchema).optional().describe("Parts of the endpoints, by labels."),
};

export const serviceSchema = blockKnownBy(
  { ...serviceShape, ...policyShapeInBothSpellings },
  Object.keys({ ...serviceShape, ...policyShape }),
)
  .superRefine(refuseBothSpellings)
  .meta({
    description: "A set of endpoints and how to treat them.",
    examples: [{ endpoints: ["10.0.0.1:8080"] }],
    oneOf: [{ required: ["endpoints"] }, { required: ["discovery"] }],
  });
