/**
 * `adaptiveConcurrency`: Envoy finds out how many requests at once the backends answer without getting slower, and lets
 * no more through. The words are those of Envoy's gradient controller.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, count, refuse, scalar } from "./schema-scalars.ts";

/** What is absent is Envoy's. */
export interface AdaptiveConcurrency {
  readonly sampleAggregatePercentile?: number;
  readonly maxConcurrencyLimit?: number;
  readonly concurrencyUpdateIntervalMs: number;
  readonly minRtt: {
    readonly time:
      | { readonly kind: "measured"; readonly everyMs: number }
      | { readonly kind: "fixed"; readonly ms: number };
    readonly requestCount?: number;
    readonly jitterPercent?: number;
    readonly minConcurrency?: number;
    readonly bufferPercent?: number;
  };
  /** Of the answer to a request that is one too many. */
  readonly status?: 429 | 503;
}

/** Envoy has no defaults for these; its documentation uses the first, and a minute between measurements. */
const UPDATE_INTERVAL_MS = 100;
const MEASURE_EVERY_MS = 60_000;

const percent = z.number().min(0).max(100);
const positive = count.min(1);

const minRtt = block({
  interval: scalar("positiveDuration").optional().describe("How often the time is measured anew; 60s when absent."),
  fixedValue: scalar("positiveDuration").optional().describe("This time, instead of one that is measured."),
  requestCount: positive.optional().meta({ description: "Of so many requests the time is taken; 50 when absent." }),
  jitter: percent.optional().meta({
    description: "Percent of the interval by which Envoys differ, so that not all measure at once; 15 when absent.",
  }),
  minConcurrency: positive.optional().meta({ description: "So many at once while it is measured; 3 when absent." }),
  buffer: percent
    .optional()
    .meta({ description: "Percent by which requests may be slower unnoticed; 25 when absent." }),
})
  .superRefine((value, context) => {
    if (value.interval === undefined || value.fixedValue === undefined) return;
    const message = "a time that is fixed is not measured: `interval` and `fixedValue` exclude each other";
    refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: ["interval"] });
  })
  .meta({ description: "The time of an answer while nothing is overloaded.", examples: [{ interval: "60s" }] });

const schema = block({
  sampleAggregatePercentile: percent
    .optional()
    .meta({ description: "Which of the measured times stands for all; the median, 50, when absent." }),
  maxConcurrencyLimit: positive.optional().meta({ description: "Never more at once; 1000 when absent." }),
  concurrencyUpdateInterval: scalar("positiveDuration")
    .optional()
    .describe("How often the limit is worked out anew; 100ms when absent."),
  minRtt: minRtt.optional(),
  status: z
    .union([z.literal(429), z.literal(503)])
    .optional()
    .meta({ description: "Of requests beyond the limit; 503 when absent." }),
}).meta({
  description: "No more requests at once than the backends answer without getting slower.",
  examples: [{}, { maxConcurrencyLimit: 200, minRtt: { interval: "60s", minConcurrency: 10 } }],
});

export const adaptiveConcurrency = filterPart({
  schema,
  build: ({ minRtt: rtt, ...value }): AdaptiveConcurrency => ({
    ...(value.sampleAggregatePercentile === undefined
      ? {}
      : { sampleAggregatePercentile: value.sampleAggregatePercentile }),
    ...(value.maxConcurrencyLimit === undefined ? {} : { maxConcurrencyLimit: value.maxConcurrencyLimit }),
    concurrencyUpdateIntervalMs:
      value.concurrencyUpdateInterval === undefined ? UPDATE_INTERVAL_MS : durationMs(value.concurrencyUpdateInterval),
    minRtt: {
      time:
        rtt?.fixedValue === undefined
          ? { kind: "measured", everyMs: rtt?.interval === undefined ? MEASURE_EVERY_MS : durationMs(rtt.interval) }
          : { kind: "fixed", ms: durationMs(rtt.fixedValue) },
      ...(rtt?.requestCount === undefined ? {} : { requestCount: rtt.requestCount }),
      ...(rtt?.jitter === undefined ? {} : { jitterPercent: rtt.jitter }),
      ...(rtt?.minConcurrency === undefined ? {} : { minConcurrency: rtt.minConcurrency }),
      ...(rtt?.buffer === undefined ? {} : { bufferPercent: rtt.buffer }),
    },
    ...(value.status === undefined ? {} : { status: value.status }),
  }),
});
