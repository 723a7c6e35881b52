/**
 * `rateLimit`: how many requests go through, counted by each Envoy for itself.
 */
import { filterPart } from "./filter-part.ts";
import type { LocalRateLimit } from "./filter-rate-limit-local.ts";
import { buildLocalRateLimit, checkLocalRateLimit, localRateLimit } from "./filter-rate-limit-local.ts";
import { block } from "./schema-scalars.ts";

/** Requests beyond a limit are answered 429. */
export interface RateLimit {
  readonly local?: LocalRateLimit;
}

const schema = block({
  local: localRateLimit,
}).meta({
  description: "How many requests go through; those beyond are answered 429.",
  examples: [{ local: { requests: 100, per: "1s" } }],
});

export const rateLimit = filterPart({
  schema,
  build: ({ local }, site): RateLimit => ({ local: buildLocalRateLimit(local, site) }),
  check: (path, { local }) => checkLocalRateLimit([...path, "local"], local),
});
