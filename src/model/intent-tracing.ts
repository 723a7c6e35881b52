/**
 * The part of the intent about traces: where a gateway's Envoys send spans, of which requests, and what a span says.
 */
import type { Place } from "./diagnostic.ts";

/** Of a gateway. */
export interface GatewayTracing {
  readonly at: Place;
  readonly provider: TraceProvider;
  /** What the spans are told to be of; the gateway's name when absent. */
  readonly serviceName?: string;
  /** Of requests that bring no decision along; all when absent. */
  readonly samplingRate?: number;
  /** Whether a client can have its request traced by `x-client-trace-id`. */
  readonly clientForce: boolean;
  /** Whether the trace that a client says it is in is gone on with. */
  readonly trustsClients: boolean;
  /** Whether each try is a span of its own. */
  readonly upstreamSpans: boolean;
  readonly maxPathTagLength?: number;
  /** Sorted by name. */
  readonly customTags: readonly TraceTag[];
}

/** Of a rule or a policy: what differs from the gateway's; a tag of the same name is the rule's. */
export interface RuleTracing {
  readonly at: Place;
  readonly samplingRate?: number;
  /** The name of the span; `route/rule` when absent. */
  readonly operation?: string;
  readonly customTags: readonly TraceTag[];
}

/** Who takes the spans, by OpenTelemetry's protocol. */
export type TraceProvider = { readonly service: string; readonly subset?: string } & (
  | { readonly kind: "grpc" }
  | { readonly kind: "http"; readonly path?: string }
);

/** One attribute of a span; without a value and a default it is left out. */
export interface TraceTag {
  readonly name: string;
  readonly value:
    | { readonly kind: "literal"; readonly text: string }
    | { readonly kind: "header"; readonly header: string; readonly default?: string }
    | { readonly kind: "environment"; readonly variable: string; readonly default?: string }
    | {
        readonly kind: "metadata";
        readonly of: MetadataHolder;
        /** The namespace, which is mostly the name of the filter that wrote it. */
        readonly namespace: string;
        readonly path: readonly string[];
        readonly default?: string;
      };
}

export type MetadataHolder = "request" | "route" | "cluster" | "host";
