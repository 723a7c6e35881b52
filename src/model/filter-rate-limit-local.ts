/**
 * `rateLimit.local`: how many requests each Envoy lets through, counted by itself in token buckets.
 *
 * A bucket holds at most `burst` tokens, begins full, and gets `requests` of them every `per`, evenly; a request that
 * finds no token is answered 429.
 */
import * as z from "zod";
import { durationMs, positiveDurationPattern } from "./duration.ts";
import type { PartSite } from "./filter-part.ts";
import type { Path, Problem } from "./position.ts";
import { block, exactlyOne, refuse, scalar } from "./schema-scalars.ts";

/** So many tokens, filled again evenly. */
export interface TokenBucket {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
}

/** A bucket for some requests, or one for each value that they have. */
export interface RateLimitBucket extends TokenBucket {
  /** Only requests whose header has this value. */
  readonly when?: { readonly header: string; readonly equals: string };
  readonly each?: { readonly kind: "header"; readonly header: string } | { readonly kind: "clientAddress" };
}

/** What each Envoy counts for itself. */
export interface LocalRateLimit {
  /** Of Envoy's counters: the policy, or the route that it is written in. */
  readonly statPrefix: string;
  /** For requests that none of `buckets` is for; as many as there are when absent. */
  readonly others?: TokenBucket;
  readonly buckets: readonly RateLimitBucket[];
  /** So many values of an `each` are counted at a time. */
  readonly valuesMax: number;
  /** Counted and let through. */
  readonly shadow: boolean;
  /** Whether answers say how many requests are left. */
  readonly headers: boolean;
  /** Whether refusals say when to come back. */
  readonly retryAfter: boolean;
}

/** Envoy refuses to fill a bucket more often. */
const PER_MS_MIN = 50;
/** Envoy counts tokens in 32 bits. */
const REQUESTS_MAX = 4_294_967_295;
/** 20 when Envoy is not told, which a handful of clients exhausts; a value costs some hundred bytes. */
const VALUES_DEFAULT = 10_000;
/** 100,000 values are some ten megabytes for each bucket of each route. */
const VALUES_MAX = 100_000;

const requests = z.int().min(1).max(REQUESTS_MAX);
const per = scalar("positiveDuration")
  .superRefine((text, context) => {
    if (!positiveDurationPattern.test(text) || durationMs(text) >= PER_MS_MIN) return;
    const hint = "write fewer requests for a longer time: 1000 per 1s instead of 10 per 10ms";
    refuse(context, { code: "invalid-value", message: `must be at least ${PER_MS_MIN}ms, but is ${text}`, hint });
  })
  .meta({ examples: ["1s", "1m"] });

const burstDescription = "How many may come at once after a pause; as many as `requests` when absent.";

const bucket = block({
  when: block({
    header: scalar("headerName").describe("The header that is compared."),
    equals: scalar("headerValue").describe("The value that it must have."),
  })
    .optional()
    .meta({
      description: "Only requests whose header has this value; all requests when absent.",
      examples: [{ header: "x-tenant", equals: "gold" }],
    }),
  each: exactlyOne({
    header: scalar("headerName").optional().describe("A bucket for each value of this header."),
    clientAddress: z
      .literal(true)
      .optional()
      .describe("A bucket for each address that a client connects from, and for each /64 of IPv6."),
  })
    .optional()
    .meta({
      description: "A bucket of its own for each value; requests without the header are not counted here.",
      examples: [{ header: "x-user" }, { clientAddress: true }],
    }),
  requests: requests.describe("How many requests go through in the time of `per`."),
  per: per.describe("The time in which the bucket is filled by `requests`."),
  burst: requests.optional().meta({ description: burstDescription }),
}).meta({ examples: [{ when: { header: "x-tenant", equals: "gold" }, requests: 1000, per: "1s" }] });

type BucketValue = z.infer<typeof bucket>;

export const localRateLimit = block({
  requests: requests.optional().meta({ description: "For requests that no bucket is for; all of them when absent." }),
  per: per.optional().describe("The time in which `requests` go through."),
  burst: requests.optional().meta({ description: burstDescription }),
  buckets: z.array(bucket).min(1).optional().meta({
    description: "A request takes a token from every bucket that is for it, and goes through if all had one.",
  }),
  maxValues: z.int().min(1).max(VALUES_MAX).optional().meta({
    description: "So many values of an `each` are counted at a time; the one not seen for longest is forgotten.",
  }),
  shadow: z.boolean().optional().describe("Only counts what it would refuse."),
  rateLimitHeaders: z
    .boolean()
    .optional()
    .describe("Answers carry x-ratelimit-limit, x-ratelimit-remaining and x-ratelimit-reset."),
  retryAfterHeader: z
    .boolean()
    .optional()
    .describe("Refusals carry retry-after; Envoys before 1.40 may not know it, and leave it out."),
})
  .superRefine((value, context) => {
    for (const [one, other] of [
      ["requests", "per"],
      ["per", "requests"],
      ["burst", "requests"],
    ] as const) {
      if (value[one] === undefined || value[other] !== undefined) continue;
      const hint = "for example `requests: 100` and `per: 1s`";
      refuse(context, { code: "missing-key", message: `\`${one}\` needs \`${other}\``, hint, path: [one] });
    }
    if (value.requests !== undefined || value.per !== undefined || value.buckets !== undefined) return;
    const hint = "write `requests: 100` and `per: 1s`, or `buckets`";
    refuse(context, { code: "missing-key", message: "a rate limit must limit something", hint });
  })
  .meta({
    description: "What every Envoy counts for itself; ten Envoys let ten times as much through.",
    examples: [{ requests: 100, per: "1s", burst: 200 }],
  });

type LocalRateLimitValue = z.infer<typeof localRateLimit>;

/** The settings; `site` is that of the part. */
export function buildLocalRateLimit(value: LocalRateLimitValue, site: PartSite): LocalRateLimit {
  const { requests: of, per: time, burst } = value;
  return {
    statPrefix: String(site.path[1] ?? ""),
    ...(of === undefined || time === undefined ? {} : { others: buildBucket({ requests: of, per: time, burst }) }),
    buckets: (value.buckets ?? []).map((written) => {
      const { when, each } = written;
      return {
        ...buildBucket(written),
        ...(when === undefined ? {} : { when: { header: when.header.toLowerCase(), equals: when.equals } }),
        ...(each === undefined ? {} : { each: buildEach(each) }),
      };
    }),
    valuesMax: value.maxValues ?? VALUES_DEFAULT,
    shadow: value.shadow ?? false,
    headers: value.rateLimitHeaders ?? false,
    retryAfter: value.retryAfterHeader ?? false,
  };
}

/** Buckets that nothing tells apart, and a limit that can never count. */
export function checkLocalRateLimit(path: Path, value: LocalRateLimitValue): readonly Problem[] {
  const seen = new Set<string>();
  return (value.buckets ?? []).flatMap((written, index): readonly Problem[] => {
    const at = [...path, "buckets", index];
    const key = JSON.stringify([written.when?.header.toLowerCase(), written.when?.equals, eachText(written)]);
    if (seen.has(key)) {
      const hint = "keep one of them, or give one another `when` or `each`";
      const message = "there is another bucket for the same requests";
      return [{ code: "duplicate-name", message, hint, path: at, at: "value" }];
    }
    seen.add(key);
    const forAll = written.when === undefined && written.each?.header === undefined;
    if (!forAll || value.requests === undefined) return [];
    const message = "`requests` is for requests that no bucket is for, and this bucket is for every request";
    const hint = "write that limit as one more bucket: `- { requests: …, per: … }`";
    return [{ code: "invalid-value", message, hint, path: at, at: "value" }];
  });
}

function buildBucket(value: Pick<BucketValue, "requests" | "per" | "burst">): TokenBucket {
  return { requests: value.requests, perMs: durationMs(value.per), burst: value.burst ?? value.requests };
}

function buildEach(each: NonNullable<BucketValue["each"]>): NonNullable<RateLimitBucket["each"]> {
  return each.header === undefined ? { kind: "clientAddress" } : { kind: "header", header: each.header.toLowerCase() };
}

function eachText({ each }: BucketValue): string {
  if (each === undefined) return "";
  return each.header?.toLowerCase() ?? "the client's address";
}
