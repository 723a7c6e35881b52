/**
 * The shapes of the admin API's answers about rollouts, and what is sent to start one or to act on it.
 */
import { z } from "zod";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const percent = z.number().describe("In percent of the requests");
const counted = z.object({
  completed: z.int(),
  errors: z.int(),
  slow: z.int().optional().describe("Not answered within the plan's threshold; absent without one, or without times"),
});

const step = z.object({
  index: z.int().optional().describe("Of the plan's steps; absent for the promotion and the rollback"),
  kind: z.enum(["weight", "pinned", "mirror", "approval", "webhook", "promotion", "rollback"]),
  weight: percent.describe("Of the canary"),
  mirror: percent.optional().describe("Copied to the canary in this step; then its counts are those of copies"),
  startedAt: time,
  convergedAt: time.optional().describe("When every connected Envoy had the weights"),
  acknowledgedAfterMs: z.number().optional().describe("From the start to convergedAt, without pauses in between"),
  measuredFrom: time.optional(),
  endedAt: time.optional(),
  nodesCount: z.int(),
  laggards: z.array(z.object({ node: z.string(), state: z.string(), reason: z.string().optional() })),
  canary: counted,
  baseline: counted,
  sources: z
    .array(
      z.object({
        source: z.enum(["opentelemetry", "load-reports", "prometheus"]),
        nodesCount: z.int(),
        nodes: z.array(z.string()).describe("The first of them"),
      }),
    )
    .optional()
    .describe("By what the connected Envoys were counted"),
  result: z.enum(["passed", "failed", "inconclusive", "skipped", "ended"]).optional(),
  sentence: z.string().optional(),
});

export const rolloutSchema = z.object({
  id: z.string(),
  number: z.int(),
  split: z.string(),
  target: z.string(),
  canary: z.string(),
  baseline: z.string(),
  revision: z.int().describe("Also the ETag; 0 of one that is past"),
  startedBy: z.string(),
  startedByVerified: z.literal(false),
  reason: z.string().optional(),
  startedAt: time,
  phase: z.enum([
    "preflight",
    "converging",
    "settling",
    "measuring",
    "awaiting-approval",
    "calling-webhook",
    "paused",
    "rolling-back",
    "promoting",
    "done",
  ]),
  since: time,
  sentence: z.string().describe("What it does now"),
  step: z.int().describe("From 1 on"),
  stepsCount: z.int(),
  weight: percent.describe("Of the canary, in the step that is on"),
  mirror: percent.optional().describe("Copied to the canary, in the step that is on; nothing is while it is paused"),
  waitsFor: z.string().optional(),
  pausedBy: z.enum(["engine", "person"]).optional(),
  verdict: z
    .object({ kind: z.enum(["pass", "fail", "inconclusive"]), reason: z.string(), sentence: z.string(), at: time })
    .optional(),
  outcome: z
    .object({
      kind: z.enum(["promoted", "rolled-back", "aborted", "superseded"]),
      sentence: z.string(),
      by: z.string().optional(),
      at: time,
      tookMs: z.number().optional().describe("From the decision to the last Envoy's acknowledgement"),
      unconfirmed: z
        .array(z.string())
        .optional()
        .describe("Envoys of the rollout that were not connected at its end, as many as are kept; with it no tookMs"),
    })
    .optional(),
  versions: z
    .object({ before: z.record(z.string(), z.string()), after: z.record(z.string(), z.string()).optional() })
    .optional()
    .describe("Of the config that was served when it began and when it ended, by node group"),
  plan: z
    .record(z.string(), z.unknown())
    .describe("As it is kept, with all defaults; shares in hundredths of a percent"),
  steps: z.array(step).describe("As they went"),
  audit: z.array(z.object({ at: time, actor: z.string(), action: z.string(), text: z.string() })),
});

export const rolloutListSchema = z.object({ rollouts: z.array(rolloutSchema) });

export const rolloutPlannedSchema = z.object({
  steps: z.array(z.string()),
  terms: z.array(z.string()).describe("What the canary is judged by, and what becomes of it, in sentences"),
  warnings: z.array(z.string()),
  attachesTo: rolloutSchema
    .optional()
    .describe("The rollout with this plan and target that is on: a start attaches to it"),
});

const lock = z.object({ owner: z.string(), reason: z.string().optional(), ends: time });

export const rolloutLockSchema = z.object({ lock: lock.optional() });

export const releasedLockSchema = z.object({
  released: lock.optional().describe("The lock that is given back; absent when there was none"),
});

const actor = z.string().min(1).max(200).default("somebody").describe("Who does it; nobody checks it");
const reason = z.string().max(500).optional();
const plan = z.record(z.string(), z.unknown()).describe("The plan; docs/rollouts.md says what it may have");
const target = z.string().min(1).max(200).describe("What is rolled out, such as a version or a commit");

export const planRolloutSchema = z.strictObject({ plan, target: target.optional() });

export const startRolloutSchema = z.strictObject({ plan, target, actor, reason });

export const actOnRolloutSchema = z.strictObject({
  actor,
  reason,
  number: z.int().min(1).optional().describe("Only if the newest rollout of the split has this number"),
  target: target.optional().describe("Only if the newest rollout of the split is of this target"),
  full: z.boolean().default(false).describe("Of promote: all steps at once"),
});

export const lockRolloutSchema = z.strictObject({
  owner: z.string().min(1).max(200),
  reason,
  ttl: z.string().max(20).describe("Such as 30m, at most 24h"),
});

export const unlockRolloutSchema = z.strictObject({ owner: z.string().min(1).max(200) });

export type RolloutJson = z.infer<typeof rolloutSchema>;
export type RolloutCountedJson = z.infer<typeof counted>;
export type RolloutLockJson = z.infer<typeof lock>;
