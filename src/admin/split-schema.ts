/**
 * The shapes of the admin API's answers about splits, and what is sent to change one.
 */
import { z } from "zod";
import { place } from "./api-schema.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const percent = z.number().describe("In percent of the requests");
const weights = z.record(z.string(), percent).describe("By backend; their sum is 100");

const mirror = z
  .object({ backend: z.string(), percent })
  .optional()
  .describe("Copies of requests for a rollout, whatever the weights are; absent when there are none");

const change = z.object({
  number: z.int(),
  kind: z
    .enum(["set", "reset", "expired", "kept"])
    .describe("reset: back to the file; expired: nobody renewed the lease; kept: neither, and the file says they stay"),
  before: weights,
  after: weights,
  mirror,
  actor: z.string(),
  actorVerified: z.literal(false),
  reason: z.string().optional(),
  at: time,
  leaseEnds: time.optional(),
});

export const splitSchema = z.object({
  name: z.string(),
  at: place,
  number: z.int().describe("Of the last change, also the ETag; 0 when there never was one"),
  source: z.enum(["file", "live"]).describe("Whose weights are in force"),
  definedBy: z
    .enum(["config", "last-known-good"])
    .describe("last-known-good: the config is refused since the start, and this is what was served before"),
  weights: weights.describe("As they were set last, or those of the file: by backend, in percent"),
  default: weights.describe("Those of the file"),
  mirror,
  backends: z.array(
    z.object({
      name: z.string(),
      service: z.string(),
      subset: z.string().optional(),
      limit: z.object({ max: percent.optional(), maxStep: percent.optional() }).optional(),
    }),
  ),
  leaseEnds: time.optional().describe("When the weights are taken back unless somebody sets them again"),
  lastChange: change.optional(),
  endsRollout: z
    .object({ id: z.string(), target: z.string(), startedBy: z.string() })
    .optional()
    .describe("In the answer to a change: the rollout that was on, and ends because of it"),
  groups: z.array(z.string()).describe("Whose nodes share requests by it"),
  state: z
    .enum(["applied", "pending", "refused", "held", "rejected"])
    .describe("applied: every connected node has acknowledged the last change"),
  acknowledgedCount: z.int(),
  pendingCount: z.int(),
  rejectedCount: z.int(),
  laggards: z.array(
    z.object({
      node: z.string(),
      state: z.enum(["pending", "rejected"]),
      reason: z.string().optional(),
    }),
  ),
});

export const splitListSchema = z.object({ splits: z.array(splitSchema) });

export const splitHistorySchema = z.object({ history: z.array(change).describe("Newest first") });

const actor = z.string().min(1).max(200).default("somebody").describe("Who changes it; nobody checks it");
const reason = z.string().max(500).optional();

export const setWeightsSchema = z.strictObject({
  weights: z
    .record(z.string().max(253), z.number())
    .describe("In percent, by backend; one may be left out and has what is left of 100"),
  actor,
  reason,
  lease: z
    .string()
    .max(20)
    .optional()
    .describe("Such as 15m, from 1s to 24h: taken back after so long, unless they are set again"),
});

export const resetWeightsSchema = z.strictObject({ actor, reason });

export type SplitJson = z.infer<typeof splitSchema>;
export type SplitChangeJson = z.infer<typeof change>;
