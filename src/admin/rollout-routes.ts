/**
 * The routes of the admin API that are about rollouts.
 */
import { z } from "zod";
import { problemSchema } from "./api-schema.ts";
import type { Route, RouteAnswer } from "./api-routes.ts";
import {
  actOnRolloutSchema,
  lockRolloutSchema,
  planRolloutSchema,
  rolloutListSchema,
  releasedLockSchema,
  rolloutLockSchema,
  rolloutPlannedSchema,
  rolloutSchema,
  startRolloutSchema,
  unlockRolloutSchema,
} from "./rollout-schema.ts";

const noQuery = z.strictObject({});
const number = z.coerce.number().int().min(1).optional().describe("An older one; the newest when absent");

export const rolloutQuery = z.strictObject({
  number,
  since: z.coerce.number().int().min(0).optional().describe("Answers when the revision is another one than this"),
  wait: z.string().max(10).optional().describe("Or after so long, such as 20s; at most 30s, which it is when absent"),
});

export const rolloutReportQuery = z.strictObject({
  number,
  format: z.enum(["md", "json", "junit", "html"]).default("md"),
  all: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true")
    .describe("Of what changed of the config as much as is told at all"),
});

const notFound: RouteAnswer = { description: "There is none", schema: problemSchema };
const unwritable: RouteAnswer = {
  description: "The state cannot be written; nothing is changed",
  schema: problemSchema,
};
const locked: RouteAnswer = { description: "Somebody else has locked it", schema: problemSchema };

/** In the order of the documentation. */
export const rolloutRoutes = [
  {
    operation: "listRollouts",
    method: "GET",
    path: "/v1/rollouts",
    summary: "The newest rollout of each split.",
    query: noQuery,
    answers: { 200: { description: "Sorted by split", schema: rolloutListSchema } },
  },
  {
    operation: "startRollout",
    method: "POST",
    path: "/v1/rollouts",
    summary: "Starts a rollout, or attaches to the same one that is on.",
    query: noQuery,
    optionalHeaders: { "Idempotency-Key": "Of this request: sent again with it, it starts nothing anew" },
    body: startRolloutSchema,
    answers: {
      200: { description: "The same is on already, or was started with this key", schema: rolloutSchema },
      201: { description: "Started", schema: rolloutSchema },
      404: notFound,
      409: {
        description:
          "Another rollout of the split, or of its versions, is on (`rollout` is it), or its weights have a lease",
        schema: problemSchema,
      },
      422: { description: "The plan is wrong, or the key was used for something else", schema: problemSchema },
      423: locked,
      503: unwritable,
    },
  },
  {
    operation: "planRollout",
    method: "POST",
    path: "/v1/rollout-plan",
    summary: "What a plan would do; nothing is changed.",
    query: noQuery,
    body: planRolloutSchema,
    answers: {
      200: { description: "The steps and terms in words, and warnings", schema: rolloutPlannedSchema },
      404: notFound,
      422: { description: "The plan is wrong; `problems` names each place", schema: problemSchema },
    },
  },
  {
    operation: "getRollout",
    method: "GET",
    path: "/v1/rollouts/{split}",
    summary: "One rollout; its ETag is the revision. With `since` it waits for another revision.",
    query: rolloutQuery,
    answers: { 200: { description: "The rollout", schema: rolloutSchema }, 404: notFound },
  },
  {
    operation: "actOnRollout",
    method: "POST",
    path: "/v1/rollouts/{split}/{action}",
    summary: "pause, resume, promote, abort, undo, retry or approve.",
    query: noQuery,
    optionalHeaders: {
      "If-Match": "The revision that was seen, in quotes, or *; may be absent when the body has number or target",
    },
    body: actOnRolloutSchema,
    answers: {
      200: { description: "Done; the rollout as it is now", schema: rolloutSchema },
      404: notFound,
      409: { description: "It is not in a phase for this, or another one is in the way", schema: problemSchema },
      412: {
        description: "It is not the one that was meant or seen; `rollout` is as it is now",
        schema: problemSchema,
      },
      422: { description: "Of retry: the plan cannot be begun now; `problems` says why", schema: problemSchema },
      423: locked,
      428: { description: "Nothing says which rollout is meant; `rollout` is the newest", schema: problemSchema },
      503: unwritable,
    },
  },
  {
    operation: "getRolloutHistory",
    method: "GET",
    path: "/v1/rollouts/{split}/history",
    summary: "The last 21 rollouts of a split.",
    query: noQuery,
    answers: { 200: { description: "Newest first", schema: rolloutListSchema }, 404: notFound },
  },
  {
    operation: "getRolloutReport",
    method: "GET",
    path: "/v1/rollouts/{split}/report",
    summary: "The report of a rollout: Markdown, JSON, JUnit or a page that stands alone.",
    query: rolloutReportQuery,
    answers: {
      200: { description: "The report; in JSON `changes` is what changed of the config meanwhile" },
      404: notFound,
    },
  },
  {
    operation: "getRolloutLock",
    method: "GET",
    path: "/v1/rollouts/{split}/lock",
    summary: "Who has locked a split so that nobody else starts a rollout of it.",
    query: noQuery,
    answers: { 200: { description: "The lock, if there is one", schema: rolloutLockSchema } },
  },
  {
    operation: "putRolloutLock",
    method: "PUT",
    path: "/v1/rollouts/{split}/lock",
    summary: "Takes the lock for a while, or renews it.",
    query: noQuery,
    body: lockRolloutSchema,
    answers: {
      200: { description: "Taken", schema: rolloutLockSchema },
      404: notFound,
      423: locked,
      503: unwritable,
    },
  },
  {
    operation: "unlockRollout",
    method: "POST",
    path: "/v1/rollouts/{split}/unlock",
    summary: "Gives the lock back.",
    query: noQuery,
    body: unlockRolloutSchema,
    answers: {
      200: { description: "There is no lock any more", schema: releasedLockSchema },
      404: notFound,
      423: locked,
      503: unwritable,
    },
  },
] as const satisfies readonly Route[];
