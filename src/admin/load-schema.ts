/**
 * The shapes of what the admin API says of load reports.
 */
import { z } from "zod";
import { INTERVAL_MS_MAX, INTERVAL_MS_MIN } from "../evidence/load-settings.ts";
import { durationMs, positiveDurationPattern } from "../model/duration.ts";

const counts = {
  successful: z.int().describe("Ended without a failure"),
  failed: z.int().describe("Ended with a status of 500 or above, or a reset"),
  issued: z.int(),
  inProgress: z.int().describe("Under way at the last report"),
};

const rates = z.object({ successful: z.number(), failed: z.number(), issued: z.number(), dropped: z.number() });

const clusterLoadSchema = z.object({
  cluster: z.string().describe("Envoy's name of it"),
  ...counts,
  dropped: z.int().describe("Sent nowhere, such as over a circuit breaker"),
  droppedBy: z.record(z.string(), z.int()).optional().describe("By category"),
  perSecond: rates
    .optional()
    .describe("Over the last intervals, of one node over the last; absent until there is a whole one"),
  localities: z.array(
    z.object({ region: z.string(), zone: z.string(), subZone: z.string(), priority: z.int(), ...counts }),
  ),
  endpoints: z.record(z.string(), z.object(counts)).optional().describe("By address, where nodes are asked for them"),
  lastReport: z.iso.datetime(),
});

export const loadSchema = z.object({
  nodes: z.int().describe("How many report"),
  complete: z.boolean().describe("False when there is more than is kept"),
  clusters: z.array(clusterLoadSchema),
  next: z.string().optional().describe("The `after` of the next page"),
});

const interval = z
  .string()
  .regex(positiveDurationPattern, { message: "write a duration such as 10s or 1m", abort: true })
  .refine((text) => durationMs(text) >= INTERVAL_MS_MIN && durationMs(text) <= INTERVAL_MS_MAX, "write 1s to 1h")
  .describe("Such as 10s; from 1s to 1h");

export const loadSettingsSchema = z.strictObject({
  interval,
  clusters: z
    .union([z.literal("all"), z.array(z.string().min(1).max(1_024)).max(1_000)])
    .describe("Names as Envoy has them, or all"),
  endpoints: z.boolean().describe("Also for each endpoint, which makes reports several times as large"),
});

export type LoadJson = z.infer<typeof loadSchema>;
export type LoadSettingsJson = z.infer<typeof loadSettingsSchema>;
