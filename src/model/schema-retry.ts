/**
 * `retry` of a rule and a policy: which requests are tried again, when and where.
 *
 * The conditions are Envoy's `retry_on` words. Two of them need something to go by, which is written beside them:
 * `statusCodes` and `retriableHeaders` bring their word along.
 */
import * as z from "zod";
import { durationMs, positiveDurationPattern } from "./duration.ts";
import { valueMatch } from "./schema-match.ts";
import { block, refuse, scalar } from "./schema-scalars.ts";

const retryConditions = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "http3-post-connect-failure",
  "retriable-status-codes",
  "retriable-headers",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;

/** What goes with a word; each brings it along. */
export const wordsWithKeys = { statusCodes: "retriable-status-codes", retriableHeaders: "retriable-headers" } as const;

/** More is a mistake. */
const UPDATE_FREQUENCY_MAX = 100;

const resetHeader = z.union([
  scalar("headerName"),
  block({
    name: scalar("headerName").describe("The header of the answer."),
    format: z
      .enum(["seconds", "unixTimestamp"])
      .optional()
      .meta({ description: "What its value is: how many seconds to wait, or when the wait is over." }),
  }),
]);

/** Of two durations; refinements see texts too that are none. */
function isShorter(one: string, other: string): boolean {
  const areDurations = positiveDurationPattern.test(one) && positiveDurationPattern.test(other);
  return areDurations && durationMs(one) < durationMs(other);
}

export const retry = block({
  attempts: z.int().min(1).max(100).meta({ description: "How often a request is tried again." }),
  on: z
    .array(z.enum(retryConditions))
    .min(1)
    .optional()
    .meta({ description: "Envoy's retry_on words.", examples: [["5xx", "reset"]] }),
  statusCodes: z
    .array(z.int().min(100).max(599))
    .min(1)
    .optional()
    .meta({ description: "Answers with one of these statuses are tried again.", examples: [[429, 503]] }),
  retriableHeaders: z
    .record(scalar("headerName"), valueMatch)
    .optional()
    .meta({
      description: "Answers that have one of these headers are tried again.",
      examples: [{ "x-try-again": { present: true } }],
    }),
  perTryTimeout: scalar("positiveDuration").optional().describe("How long one try may take."),
  hedge: block({
    onPerTryTimeout: z.literal(true).describe("The slow try goes on beside the next; the first good answer is taken."),
  })
    .optional()
    .meta({
      description: "A try that reaches perTryTimeout is not given up; another one runs beside it.",
      examples: [{ onPerTryTimeout: true }],
    }),
  avoidTriedHosts: z.boolean().optional().meta({
    description: "A retry looks for a host that the request has not tried yet; true when absent.",
  }),
  avoidTriedPriorities: block({
    updateFrequency: z.int().min(1).max(UPDATE_FREQUENCY_MAX).meta({
      description: "After so many tries a priority of endpoints is left out for the next ones.",
    }),
  })
    .optional()
    .meta({ description: "Retries go on to the next priority of endpoints.", examples: [{ updateFrequency: 2 }] }),
  backoff: block({
    base: scalar("positiveDuration").describe("The wait before the first retry; it grows from there."),
    max: scalar("positiveDuration").optional().describe("The longest wait; ten times the base when absent."),
  })
    .optional()
    .describe("How long to wait between tries; 25ms, growing to 250ms, when absent."),
  rateLimitedBackoff: block({
    resetHeaders: z
      .array(resetHeader)
      .min(1)
      .meta({
        description: "Headers that say how long to wait; the first that an answer has.",
        examples: [["retry-after"]],
      }),
    max: scalar("positiveDuration")
      .optional()
      .describe("A longer wait is not believed, and `backoff` holds; 300s when absent."),
  })
    .optional()
    .meta({
      description: "Wait as long as the answer asks for; `backoff` holds for answers that do not say.",
      examples: [{ resetHeaders: ["retry-after"], max: "60s" }],
    }),
})
  .superRefine(({ on, statusCodes, retriableHeaders, hedge, perTryTimeout, backoff }, context) => {
    if (on === undefined && statusCodes === undefined && retriableHeaders === undefined) {
      const hint = "write `on: [connect-failure, refused-stream]`, or `statusCodes`";
      refuse(context, { code: "missing-key", message: "`retry` does not say when to try again", hint });
    }
    for (const [key, word] of Object.entries(wordsWithKeys)) {
      const index = on?.findIndex((each) => each === word) ?? -1;
      if (index < 0 || { statusCodes, retriableHeaders }[key] !== undefined) continue;
      const hint =
        key === "statusCodes" ? "write `statusCodes: [503]` beside it" : "write `retriableHeaders` beside it";
      refuse(context, { code: "missing-key", message: `\`${word}\` needs \`${key}\``, hint, path: ["on", index] });
    }
    if (hedge !== undefined && perTryTimeout === undefined) {
      const message = "`hedge` needs `perTryTimeout`: it says when the second try begins";
      const hint = "write a `perTryTimeout` that few answers take longer than";
      refuse(context, { code: "missing-key", message, hint, path: ["hedge"] });
    }
    if (backoff?.max !== undefined && isShorter(backoff.max, backoff.base)) {
      const message = `the longest wait, ${backoff.max}, is shorter than the first, ${backoff.base}: Envoy refuses that`;
      const hint = "write a longer `max`, or a shorter `base`";
      refuse(context, { code: "invalid-value", message, hint, path: ["backoff", "max"] });
    }
  })
  .meta({
    description: "When a request is tried again.",
    examples: [{ attempts: 2, on: ["5xx", "reset"], perTryTimeout: "1s" }],
  });
