/**
 * What a plan says of where its evidence comes from: nothing, and then it is what Envoys report, or a Prometheus.
 */
import { z } from "zod";
import { durationMs, positiveDurationPattern } from "../model/duration.ts";
import type { Split } from "../model/intent-split.ts";
import type { PrometheusPlan, RolloutPlan } from "./rollout-plan.ts";

const TIMEOUT_MS_DEFAULT = 5_000;
const TIMEOUT_MS_MAX = 30_000;
/** Nobody scrapes much faster. */
const EVERY_MS_DEFAULT = 5_000;
const EVERY_MS_MIN = 1_000;
const EVERY_MS_MAX = 300_000;
const QUERY_CHARS_MAX = 2_000;
/** Two scrapes a minute apart, and as Prometheus is the slower source. */
export const STALE_MS_PROMETHEUS = 120_000;

/** Stands in a query for Envoy's name of the cluster of a version, and for the threshold in milliseconds. */
export const clusterPlaceholder = "{{cluster}}";
export const thresholdPlaceholder = "{{threshold}}";

const query = z
  .string()
  .min(1)
  .max(QUERY_CHARS_MAX)
  .includes(clusterPlaceholder, {
    error: `does not say ${clusterPlaceholder}, which stands for the version's cluster`,
  });

const duration = (fromMs: number, toMs: number) =>
  z
    .string()
    .regex(positiveDurationPattern, "is not a duration; write 5s or 1m")
    .transform(durationMs)
    .refine((ms) => ms >= fromMs && ms <= toMs, `is not from ${fromMs / 1_000} s to ${toMs / 1_000} s`);

/** `evidence` of a plan. */
export const evidenceSchema = z.strictObject({
  prometheus: z.strictObject({
    url: z
      .url({ protocol: /^https?$/, error: "is no http:// or https:// address" })
      .max(2_000)
      .refine((url) => !isDecorated(url), "has a user, a query or a fragment; write only where Prometheus is")
      .describe("Where its API is, without /api/v1/query"),
    timeout: duration(1, TIMEOUT_MS_MAX).optional(),
    every: duration(EVERY_MS_MIN, EVERY_MS_MAX).optional(),
    queries: z
      .strictObject({
        completed: query,
        errors: query,
        inTime: query
          .includes(thresholdPlaceholder, { error: `does not say ${thresholdPlaceholder}, in milliseconds` })
          .optional(),
        answered: query.optional(),
        healthyHosts: query.optional(),
      })
      .optional(),
  }),
});

type WrittenEvidence = z.infer<typeof evidenceSchema>;

function isDecorated(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password, search, hash } = new URL(url);
  return `${username}${password}${search}${hash}` !== "";
}

/** With its defaults. */
export function prometheusOf({ prometheus }: WrittenEvidence): PrometheusPlan {
  const { url, timeout, every, queries } = prometheus;
  return {
    url: url.replace(/\/+$/, ""),
    timeoutMs: timeout ?? TIMEOUT_MS_DEFAULT,
    everyMs: every ?? EVERY_MS_DEFAULT,
    ...(queries === undefined
      ? {}
      : {
          queries: {
            completed: queries.completed,
            errors: queries.errors,
            ...(queries.answered === undefined ? {} : { answered: queries.answered }),
            ...(queries.inTime === undefined ? {} : { inTime: queries.inTime }),
            ...(queries.healthyHosts === undefined ? {} : { healthyHosts: queries.healthyHosts }),
          },
        }),
  };
}

/** What is wrong with it in this plan, each with its place. */
export function wrongEvidence({ evidence, gates, canary, baseline }: RolloutPlan, split: Split): readonly string[] {
  if (evidence === undefined) return [];
  const { queries, everyMs } = evidence;
  const problems: string[] = [];
  const place = "evidence.prometheus";
  const isUntimed = queries !== undefined && (queries.inTime === undefined || queries.answered === undefined);
  if (isUntimed && gates.slow !== undefined) {
    problems.push(`${place}.queries: gates.latency needs the queries \`answered\` and \`inTime\` as well`);
  }
  if (everyMs * 2 > gates.staleAfterMs) {
    problems.push(`${place}.every: gates.staleAfter must be twice as long, and is ${gates.staleAfterMs / 1_000} s`);
  }
  const compared = split.backends.filter(({ name }) => name === canary || name === baseline);
  const dotted = compared.find(({ service }) => service.includes("."))?.service;
  if (queries === undefined && dotted !== undefined) {
    const why = "on its page for Prometheus Envoy cuts the name of a cluster at the first dot";
    problems.push(`${place}: ${why}, and \`${dotted}\` has one: write \`queries\` of your own`);
  }
  return problems;
}
