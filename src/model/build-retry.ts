/**
 * From a checked `retry` of a rule or policy to that of the intent.
 */
import { buildValueMatches } from "./build-match.ts";
import { durationMs } from "./duration.ts";
import type { Retry } from "./intent-policy.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { PolicyValue } from "./schema.ts";
import { wordsWithKeys } from "./schema-retry.ts";
import { defined } from "./sort.ts";

type RetryValue = NonNullable<PolicyValue["retry"]>;

/** Builds the block; what brings a word of Envoy's along has it written out. */
export function buildRetry(document: SourceDocument, path: Path, value: RetryValue): Retry {
  const { statusCodes, retriableHeaders, perTryTimeout, backoff, rateLimitedBackoff } = value;
  const words = [
    ...(value.on ?? []),
    ...(statusCodes === undefined ? [] : [wordsWithKeys.statusCodes]),
    ...(retriableHeaders === undefined ? [] : [wordsWithKeys.retriableHeaders]),
  ];
  return {
    at: placeOf(document, path, "key"),
    attempts: value.attempts,
    on: [...new Set(words)].toSorted(),
    ...(statusCodes === undefined ? {} : { statusCodes: [...new Set(statusCodes)].toSorted((a, b) => a - b) }),
    ...(retriableHeaders === undefined ? {} : { headers: buildValueMatches(retriableHeaders) }),
    ...(perTryTimeout === undefined ? {} : { perTryTimeoutMs: durationMs(perTryTimeout) }),
    ...(value.hedge === undefined ? {} : { hedges: true }),
    ...defined({
      avoidTriedHosts: value.avoidTriedHosts,
      avoidTriedPriorities: value.avoidTriedPriorities?.updateFrequency,
    }),
    ...(backoff === undefined
      ? {}
      : {
          backoff: {
            baseMs: durationMs(backoff.base),
            ...(backoff.max === undefined ? {} : { maxMs: durationMs(backoff.max) }),
          },
        }),
    ...(rateLimitedBackoff === undefined ? {} : { rateLimitedBackoff: buildRateLimited(rateLimitedBackoff) }),
  };
}

function buildRateLimited({
  resetHeaders,
  max,
}: NonNullable<RetryValue["rateLimitedBackoff"]>): NonNullable<Retry["rateLimitedBackoff"]> {
  return {
    resetHeaders: resetHeaders.map((header) => {
      const { name, format = "seconds" } = typeof header === "string" ? { name: header } : header;
      return { name: name.toLowerCase(), format };
    }),
    ...(max === undefined ? {} : { maxMs: durationMs(max) }),
  };
}
