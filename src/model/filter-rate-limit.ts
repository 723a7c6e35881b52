/**
 * `rateLimit`: how many requests go through, counted by each Envoy for itself, by a service for all, or both.
 */
import { filterPart } from "./filter-part.ts";
import type { GlobalRateLimit } from "./filter-rate-limit-global.ts";
import { buildGlobalRateLimit, checkGlobalRateLimit, globalRateLimit } from "./filter-rate-limit-global.ts";
import type { LocalRateLimit } from "./filter-rate-limit-local.ts";
import { buildLocalRateLimit, checkLocalRateLimit, localRateLimit } from "./filter-rate-limit-local.ts";
import { block, refuse } from "./schema-scalars.ts";

/** Requests beyond a limit are answered 429; the local one is looked at first, and then no service is asked. */
export interface RateLimit {
  readonly local?: LocalRateLimit;
  readonly global?: GlobalRateLimit;
}

const schema = block({
  local: localRateLimit.optional(),
  global: globalRateLimit.optional(),
})
  .superRefine((value, context) => {
    if (value.local !== undefined || value.global !== undefined) return;
    const hint = "write `local`, `global` or both; to keep a policy's away write `rateLimit: none`";
    refuse(context, { code: "missing-key", message: "a rate limit must limit something", hint });
  })
  .meta({
    description: "How many requests go through; those beyond are answered 429.",
    examples: [{ local: { requests: 100, per: "1s" } }],
  });

export const rateLimit = filterPart({
  schema,
  build: ({ local, global }, site): RateLimit => ({
    ...(local === undefined ? {} : { local: buildLocalRateLimit(local, site) }),
    ...(global === undefined ? {} : { global: buildGlobalRateLimit(global) }),
  }),
  check: (path, { local, global }) => [
    ...(local === undefined ? [] : checkLocalRateLimit([...path, "local"], local)),
    ...(global === undefined ? [] : checkGlobalRateLimit([...path, "global"], global)),
  ],
  names: [{ section: "services", at: ["global"] }],
  services: ({ global }) => (global === undefined ? [] : [global.service]),
});
