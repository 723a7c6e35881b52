/**
 * What the admin API does with rollouts: shows them, starts them, and acts on them.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { z } from "zod";
import { durationMs, positiveDurationPattern } from "../model/duration.ts";
import type { RolloutAction } from "../rollout/rollout-record.ts";
import type { NotDone, StoredRollout } from "../rollout/rollout-views.ts";
import { activeText, anotherText, besideText, leasedText, lockedText } from "../rollout/refusal-words.ts";
import { unreachable } from "../support/assert.ts";
import type { Result } from "../support/result.ts";
import type { ActionRequest } from "./actions.ts";
import type { AdminViews } from "./admin-views.ts";
import type { Operation } from "./api-routes.ts";
import { knownSplits } from "./known-splits.ts";
import type { Answer } from "./problem.ts";
import { problem } from "./problem.ts";
import { lockJson, rolloutJson } from "./rollout-json.ts";
import { rolloutQuery } from "./rollout-routes.ts";
import {
  actOnRolloutSchema,
  lockRolloutSchema,
  planRolloutSchema,
  startRolloutSchema,
  unlockRolloutSchema,
} from "./rollout-schema.ts";

/** Who waits for news holds a connection. */
const WAIT_MS_MAX = 30_000;
const WAITERS_MAX = 100;
const LOOK_EACH_MS = 100;

const LOCK_MS_MAX = 24 * 3_600_000;
const KEY_CHARS_MAX = 200;

const actions: readonly string[] = ["pause", "resume", "promote", "abort", "undo", "retry", "approve"];

type RolloutOperation = Extract<Operation, `${string}Rollout${string}`>;

/** Those of `createActions` that are about rollouts. */
export function rolloutActions(
  views: AdminViews,
): Readonly<
  Record<Exclude<RolloutOperation, "getRolloutReport">, (request: ActionRequest) => Answer | Promise<Answer>>
> {
  let waitersCount = 0;
  return {
    listRollouts: () => ok({ rollouts: views.rollouts().map(rolloutJson) }),
    planRollout: (request) => planRollout(views, request),
    startRollout: (request) => startRollout(views, request),
    getRollout: async (request) => {
      const asked = rolloutQuery.safeParse(request.query);
      if (!asked.success) return problem(400, `the query is wrong: ${issues(asked.error)}`);
      const { since, wait } = asked.data;
      if (wait !== undefined && !positiveDurationPattern.test(wait)) {
        return problem(400, `the query is wrong: wait: "${wait}" is not a duration; write 20s`);
      }
      if (isEmpty(request.query, "since"))
        return problem(400, "the query is wrong: since: is empty; give it a value, or leave it out");
      if (since === undefined) return showRollout(views, splitOf(request), asked.data.number);
      if (waitersCount >= WAITERS_MAX) return problem(503, `${WAITERS_MAX} others wait already; ask without since`);
      waitersCount += 1;
      try {
        const waitMs = Math.min(wait === undefined ? WAIT_MS_MAX : durationMs(wait), WAIT_MS_MAX);
        await newRevision(views, splitOf(request), { since, waitMs });
      } finally {
        waitersCount -= 1;
      }
      return showRollout(views, splitOf(request), asked.data.number);
    },
    actOnRollout: (request) => actOnRollout(views, request),
    getRolloutHistory: async (request) => {
      const records = await views.rolloutHistory(splitOf(request));
      if (records.length === 0) return none(views, splitOf(request));
      return ok({ rollouts: records.map((record) => rolloutJson({ record, revision: 0 })) });
    },
    getRolloutLock: (request) => {
      const lock = views.lockOf(splitOf(request));
      return ok(lock === undefined ? {} : { lock: lockJson(lock) });
    },
    putRolloutLock: (request) => lockRollout(views, request),
    unlockRollout: async (request) => {
      const asked = unlockRolloutSchema.safeParse(request.body ?? {});
      if (!asked.success) return problem(400, `the request is wrong: ${issues(asked.error)}`);
      const lock = views.lockOf(splitOf(request));
      const outcome = await views.lockRollouts(splitOf(request), { owner: asked.data.owner, ms: 0 });
      if (!outcome.ok) return refused(outcome.error);
      return ok(lock === undefined ? {} : { released: lockJson(lock) });
    },
  };
}

async function planRollout(views: AdminViews, { body }: ActionRequest): Promise<Answer> {
  const asked = planRolloutSchema.safeParse(body ?? {});
  if (!asked.success) return problem(400, `the request is wrong: ${issues(asked.error)}`);
  const outcome = await views.planRollout(asked.data);
  if (!outcome.ok) return refused(outcome.error);
  const { attachesTo, ...planned } = outcome.value;
  return ok({ ...planned, ...(attachesTo === undefined ? {} : { attachesTo: rolloutJson(attachesTo) }) });
}

async function startRollout(views: AdminViews, { body, idempotencyKey }: ActionRequest): Promise<Answer> {
  const asked = startRolloutSchema.safeParse(body ?? {});
  if (!asked.success) return problem(400, `the request is wrong: ${issues(asked.error)}`);
  if (idempotencyKey !== undefined && (idempotencyKey === "" || idempotencyKey.length > KEY_CHARS_MAX)) {
    return problem(400, `Idempotency-Key: it must have 1 to ${KEY_CHARS_MAX} characters`);
  }
  const outcome = await views.startRollout({ ...asked.data, idempotencyKey });
  if (!outcome.ok) return refused(outcome.error);
  const { isNew, isReplay } = outcome.value;
  const answer = shown(outcome.value, isNew ? 201 : 200);
  return isReplay ? { ...answer, headers: { ...answer.headers, "idempotent-replayed": "true" } } : answer;
}

async function actOnRollout(views: AdminViews, request: ActionRequest): Promise<Answer> {
  const kind = request.params["action"] ?? "";
  if (!actions.includes(kind)) return problem(404, `a rollout has no such action; there are ${actions.join(", ")}`);
  const asked = actOnRolloutSchema.safeParse(request.body ?? {});
  if (!asked.success) return problem(400, `the request is wrong: ${issues(asked.error)}`);
  const { ifMatch } = request;
  const seen = ifMatch === undefined ? undefined : /^"(\d+)"$/.exec(ifMatch)?.[1];
  if (ifMatch !== undefined && ifMatch !== "*" && seen === undefined) {
    return problem(400, `If-Match: ${ifMatch} is neither a revision in quotes, as in "7", nor *`);
  }
  const { actor, reason, full, number, target } = asked.data;
  if (full && kind !== "promote") return problem(400, `full: ${kind} knows nothing of it; leave it out`);
  const isMeant = ifMatch !== undefined || number !== undefined || target !== undefined;
  if (!isMeant) return unsaid(views, splitOf(request));
  const action = (kind === "promote" ? { kind, isFull: full } : { kind }) as RolloutAction;
  const revision = seen === undefined ? undefined : Number(seen);
  const outcome = await views.actOnRollout(splitOf(request), { action, actor, reason, revision, number, target });
  return answerWith(views, splitOf(request), outcome);
}

/** Whoever acts says on which: the next may have begun since he has looked. */
async function unsaid(views: AdminViews, split: string): Promise<Answer> {
  const newest = await views.rollout(split);
  if (newest === undefined) return none(views, split);
  const { number, target } = newest.record;
  const detail = `say which rollout is meant: "number" or "target" in the body, or If-Match; the newest has number ${number}, target ${JSON.stringify(target)}, revision "${newest.revision}"`;
  return problem(428, detail, { rollout: rolloutJson(newest) });
}

async function lockRollout(views: AdminViews, request: ActionRequest): Promise<Answer> {
  const asked = lockRolloutSchema.safeParse(request.body ?? {});
  if (!asked.success) return problem(400, `the request is wrong: ${issues(asked.error)}`);
  const { owner, reason, ttl } = asked.data;
  const ms = positiveDurationPattern.test(ttl) ? durationMs(ttl) : 0;
  if (ms === 0 || ms > LOCK_MS_MAX) return problem(400, `ttl: "${ttl}" is not a duration up to 24h; write 30m`);
  const outcome = await views.lockRollouts(splitOf(request), { owner, reason, ms });
  if (!outcome.ok) return refused(outcome.error);
  return ok(outcome.value === undefined ? {} : { lock: lockJson(outcome.value) });
}

/** Returns when there is one, or the time is over. */
async function newRevision(
  views: AdminViews,
  split: string,
  { since, waitMs }: { readonly since: number; readonly waitMs: number },
): Promise<void> {
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_EACH_MS) {
    const now = await views.rollout(split);
    if (now?.revision !== since) return;
    await pause(LOOK_EACH_MS);
  }
}

async function showRollout(views: AdminViews, split: string, number?: number): Promise<Answer> {
  const found = await views.rollout(split, number);
  return found === undefined ? none(views, split) : shown(found, 200);
}

function none(views: AdminViews, split: string): Answer {
  const known = views.rollouts().map(({ record }) => record.plan.split);
  const others = known.length === 0 ? "there is no rollout at all" : `there are rollouts of ${known.join(", ")}`;
  return problem(404, `there is no such rollout of \`${split}\`: ${others}`);
}

function answerWith(views: AdminViews, split: string, outcome: Result<StoredRollout, NotDone>): Answer {
  if (outcome.ok) return shown(outcome.value, 200);
  return outcome.error.kind === "unknown" ? none(views, split) : refused(outcome.error);
}

/** Why nothing was done. */
function refused(why: NotDone): Answer {
  switch (why.kind) {
    case "invalid":
      return problem(422, why.problems.join("; "), { title: "The plan is wrong", problems: [...why.problems] });
    case "unknown":
      return problem(404, `there is no such split: ${knownSplits(why.names)}`);
    case "active":
    case "beside": {
      const detail = why.kind === "active" ? activeText(why.current) : besideText(why);
      return problem(409, detail, { title: "Another rollout is on", rollout: rolloutJson(why.current) });
    }
    case "locked":
      return problem(423, lockedText(why.split, why.lock), { title: "It is locked", lock: lockJson(why.lock) });
    case "leased":
      return problem(409, leasedText(why), { title: "The weights have a lease" });
    case "key-reused": {
      const detail = `this key has started ${why.current.record.id} with another plan or target`;
      return problem(422, detail, { title: "The key was used for something else", rollout: rolloutJson(why.current) });
    }
    case "another":
      return problem(412, anotherText(why), { rollout: rolloutJson(why.current) });
    case "conflict": {
      const detail =
        why.current === undefined ? "somebody else was first" : `it is at revision ${why.current.revision} now`;
      return problem(412, detail, why.current === undefined ? {} : { rollout: rolloutJson(why.current) });
    }
    case "not-now":
      return problem(409, why.message, { title: "Not now", rollout: rolloutJson(why.current) });
    case "unavailable":
      return problem(503, `nothing is changed, because the state cannot be used: ${why.message}`, {
        title: "The state is not there",
      });
    default:
      return unreachable(why);
  }
}

function shown(stored: StoredRollout, status: number): Answer {
  return { status, body: rolloutJson(stored), headers: { etag: `"${stored.revision}"` } };
}

function splitOf({ params }: ActionRequest): string {
  return params["split"] ?? "";
}

/** A variable that a script has not set; as a number it would be 0. */
function isEmpty(query: unknown, name: string): boolean {
  return typeof query === "object" && query !== null && (query as Readonly<Record<string, unknown>>)[name] === "";
}

function issues({ issues: all }: z.ZodError): string {
  return all.map(({ path, message }) => [...path.map(String), message].join(": ")).join("; ");
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}
