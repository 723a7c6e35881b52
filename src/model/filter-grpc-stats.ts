/**
 * `grpcStats`: Envoy counts gRPC calls by their status and not by that of HTTP, which is 200 also for calls that fail.
 *
 * By default all calls to a cluster are counted together. Each method that is counted by itself costs memory in every
 * Envoy and cluster, so those are listed.
 */
import * as z from "zod";
import { filterPart } from "./filter-part.ts";
import { block, refuse, scalar } from "./schema-scalars.ts";

/** What is counted beside the sum of all calls. */
export interface GrpcStats {
  /** Counted one by one; sorted by the service. */
  readonly methods: readonly { readonly service: string; readonly names: readonly string[] }[];
  readonly allMethods: boolean;
  readonly upstreamTimes: boolean;
}

const schema = block({
  methods: z
    .record(scalar("grpcService"), z.array(scalar("grpcMethod")).min(1))
    .optional()
    .meta({
      description: "Methods that are counted one by one, by their service; the rest is counted together.",
      examples: [{ "shop.v1.Orders": ["Place", "Cancel"] }],
    }),
  allMethods: z.literal(true).optional().meta({
    description: "Instead of `methods`: all, whatever names clients send. Only for clients that are trusted.",
  }),
  upstreamTimes: z.boolean().optional().meta({ description: "Also measures how long calls take; false when absent." }),
})
  .superRefine(({ methods, allMethods }, context) => {
    if (methods === undefined || allMethods === undefined) return;
    const message = "`methods` and `allMethods` exclude each other";
    refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: ["allMethods"] });
  })
  .meta({
    description: "Counts gRPC calls of a cluster by success and failure, and their messages.",
    examples: [{}, { methods: { "shop.v1.Orders": ["Place"] } }],
  });

export const grpcStats = filterPart({
  schema,
  build: ({ methods = {}, allMethods = false, upstreamTimes = false }): GrpcStats => ({
    methods: Object.keys(methods)
      .toSorted()
      .map((service) => ({ service, names: [...new Set(methods[service])].toSorted() })),
    allMethods,
    upstreamTimes,
  }),
});
