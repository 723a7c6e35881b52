/**
 * `rateLimit.global`: a rate limit service is asked about each request, so that all Envoys count together.
 *
 * Envoy sends it descriptors, lists of keys and values; which of them it counts, and how much is too much, is the
 * service's own config.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import type { Path, Problem } from "./position.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** One key of a descriptor, and where its value comes from. */
export type DescriptorEntry =
  | { readonly kind: "header"; readonly key: string; readonly header: string }
  | { readonly kind: "path"; readonly key: string }
  | { readonly kind: "value"; readonly key: string; readonly value: string }
  | { readonly kind: "clientAddress" };

/** What is asked, and whom. */
export interface GlobalRateLimit {
  readonly service: string;
  readonly domain: string;
  readonly descriptors: readonly (readonly DescriptorEntry[])[];
  /** Envoy's 20 ms when absent. */
  readonly timeoutMs?: number;
  /** Whether requests go through while the service does not answer. */
  readonly failOpen: boolean;
  /** Asked and let through. */
  readonly shadow: boolean;
  /** Whether answers say what the service says is left. */
  readonly headers: boolean;
}

/** A descriptor is a key of the service's counters; longer ones are a mistake. */
const ENTRIES_MAX = 16;
/** All of them are sent with every request. */
const DESCRIPTORS_MAX = 64;

/** Where a value can come from; an entry has exactly one of them. */
const sources = ["header", "clientAddress", "path", "method", "value"] as const;

const entry = block({
  header: scalar("headerName").optional().describe("The value of this header; without it the descriptor is not sent."),
  clientAddress: z.literal(true).optional().describe("The address that the client connects from, as remote_address."),
  path: z.literal(true).optional().describe("The path without the query."),
  method: z.literal(true).optional().describe("The method."),
  value: scalar("text").optional().describe("A fixed text; it needs a `key`."),
  key: scalar("text")
    .optional()
    .meta({ description: "The descriptor's key; the header's name, or path or method, when absent." }),
})
  .superRefine((written, context) => {
    const found = sources.filter((source) => written[source] !== undefined);
    if (found.length !== 1) {
      const code = found.length === 0 ? "missing-key" : "invalid-value";
      const hint = found.length === 0 ? `write one of ${sources.join(", ")}` : "make two entries of it";
      refuse(context, { code, message: `exactly one of ${sources.join(", ")} is needed`, hint });
    } else if (found[0] === "value" && written.key === undefined) {
      const hint = "for example `{ key: plan, value: gold }`";
      refuse(context, { code: "missing-key", message: "`value` needs a `key`", hint });
    } else if (found[0] === "clientAddress" && written.key !== undefined) {
      const message = "Envoy always names the client's address remote_address";
      refuse(context, { code: "invalid-value", message, hint: "remove `key`", path: ["key"] });
    }
  })
  .meta({ examples: [{ header: "x-tenant" }, { clientAddress: true }, { key: "plan", value: "gold" }] });

type EntryValue = z.infer<typeof entry>;

export const globalRateLimit = block({
  service: name.describe("The service that is asked, by gRPC: its protocol is grpc or http2."),
  domain: scalar("text").describe("What the service calls this set of limits."),
  descriptors: z
    .array(z.array(entry).min(1).max(ENTRIES_MAX))
    .min(1)
    .max(DESCRIPTORS_MAX)
    .meta({
      description: "What the service is asked about; a request is refused when it refuses one of them.",
      examples: [[[{ clientAddress: true }], [{ header: "x-tenant" }, { method: true }]]],
    }),
  timeout: scalar("positiveDuration").optional().describe("How long the service may take; 20ms when absent."),
  failOpen: z
    .boolean()
    .optional()
    .meta({ description: "Whether requests go through while the service does not answer; true when absent." }),
  shadow: z.boolean().optional().describe("Asks, counts and refuses nothing."),
  rateLimitHeaders: z
    .boolean()
    .optional()
    .describe("Answers carry x-ratelimit-limit, x-ratelimit-remaining and x-ratelimit-reset."),
}).meta({
  description: "A rate limit service is asked about each request, so that all Envoys count together.",
  examples: [{ service: "limiter", domain: "shop", descriptors: [[{ clientAddress: true }]] }],
});

type GlobalRateLimitValue = z.infer<typeof globalRateLimit>;

export function buildGlobalRateLimit(value: GlobalRateLimitValue): GlobalRateLimit {
  const { service, domain, descriptors, timeout, failOpen, shadow, rateLimitHeaders } = value;
  return {
    service,
    domain,
    descriptors: descriptors.map((entries) => entries.map(buildEntry)),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
    failOpen: failOpen ?? true,
    shadow: shadow ?? false,
    headers: rateLimitHeaders ?? false,
  };
}

/** A descriptor that is there twice is counted twice. */
export function checkGlobalRateLimit(path: Path, value: GlobalRateLimitValue): readonly Problem[] {
  const seen = new Set<string>();
  return value.descriptors.flatMap((entries, index): readonly Problem[] => {
    const text = JSON.stringify(entries.map(buildEntry));
    const isRepeated = seen.has(text);
    seen.add(text);
    if (!isRepeated) return [];
    const message = "this descriptor is there twice, so that every request would be counted twice";
    return [
      { code: "duplicate-name", message, hint: "keep one of them", path: [...path, "descriptors", index], at: "value" },
    ];
  });
}

function buildEntry({ header, path, method, value, key }: EntryValue): DescriptorEntry {
  if (header !== undefined) {
    const lower = header.toLowerCase();
    return { kind: "header", key: key ?? lower, header: lower };
  }
  if (path !== undefined) return { kind: "path", key: key ?? "path" };
  if (method !== undefined) return { kind: "header", key: key ?? "method", header: ":method" };
  if (value !== undefined) return { kind: "value", key: key ?? "", value };
  return { kind: "clientAddress" };
}
