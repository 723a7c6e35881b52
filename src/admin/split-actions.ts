/**
 * What the admin API does with splits: shows them, and changes their weights for who says what he has seen.
 */
import type { NotChanged } from "../rollout/change-split.ts";
import { lockedText } from "../rollout/refusal-words.ts";
import { isActive } from "../rollout/rollout-record.ts";
import type { ActionRequest } from "./actions.ts";
import type { Operation } from "./api-routes.ts";
import type { AdminViews } from "./admin-views.ts";
import { knownSplits } from "./known-splits.ts";
import type { Answer } from "./problem.ts";
import { problem } from "./problem.ts";
import { lockJson } from "./rollout-json.ts";
import { splitChangeJson, splitJson } from "./split-json.ts";
import type { SplitJson } from "./split-schema.ts";
import { resetWeightsSchema, setWeightsSchema } from "./split-schema.ts";

/** Shorter ones are gone before anybody has the answer, longer ones are none. */
const LEASE_MS_MIN = 1_000;
const LEASE_MS_MAX = 24 * 3_600_000;

type SplitViews = Pick<AdminViews, "splits" | "changeSplit" | "rollouts" | "lockOf">;

/** Those of `createActions` that are about splits. */
export function splitActions(
  views: SplitViews,
): Readonly<
  Record<Extract<Operation, `${string}Split${string}`>, (request: ActionRequest) => Answer | Promise<Answer>>
> {
  return {
    listSplits: () => listSplits(views),
    getSplit: (request) => getSplit(views, request),
    putSplit: (request) => putSplit(views, request),
    resetSplit: (request) => resetSplit(views, request),
    getSplitHistory: (request) => getSplitHistory(views, request),
  };
}

function listSplits(views: SplitViews): Answer {
  return { status: 200, body: { splits: views.splits().map(splitJson) } };
}

function getSplit(views: SplitViews, { params }: ActionRequest): Answer {
  return shown(views, params["name"] ?? "");
}

function getSplitHistory(views: SplitViews, { params }: ActionRequest): Answer {
  const name = params["name"] ?? "";
  const found = views.splits().find(({ split }) => split.name === name);
  if (found === undefined) return unknown(name, namesOf(views));
  return { status: 200, body: { history: found.document.history.map(splitChangeJson) } };
}

async function putSplit(views: SplitViews, request: ActionRequest): Promise<Answer> {
  const asked = setWeightsSchema.safeParse(request.body ?? {});
  if (!asked.success) return problem(400, `the weights are wrong: ${issues(asked.error.issues)}`);
  const { weights, actor, reason, lease } = asked.data;
  const leaseMs = lease === undefined ? undefined : leaseOf(lease);
  if (lease !== undefined && leaseMs === undefined) {
    return problem(400, `lease: "${lease}" is not a duration from 1s to 24h; write 15m`);
  }
  // To go back to the file stays allowed: whoever must go back need not find the owner first.
  const name = request.params["name"] ?? "";
  const lock = views.lockOf(name);
  if (lock !== undefined && lock.owner !== actor) {
    return problem(423, lockedText(name, lock), { title: "It is locked", lock: lockJson(lock) });
  }
  return change(views, request, { percents: weights, actor, reason, leaseMs });
}

async function resetSplit(views: SplitViews, request: ActionRequest): Promise<Answer> {
  const asked = resetWeightsSchema.safeParse(request.body ?? {});
  if (!asked.success) return problem(400, `the request is wrong: ${issues(asked.error.issues)}`);
  return change(views, request, { percents: undefined, ...asked.data });
}

type Asked = Omit<Parameters<AdminViews["changeSplit"]>[1], "expected">;

async function change(views: SplitViews, { params, ifMatch }: ActionRequest, asked: Asked): Promise<Answer> {
  const name = params["name"] ?? "";
  const standing = views.splits().find(({ split }) => split.name === name);
  if (standing === undefined) return unknown(name, namesOf(views));
  if (ifMatch === undefined) {
    return problem(428, `send If-Match: "${standing.document.number}" to say which change you have seen`);
  }
  const expected = /^"(\d+)"$/.exec(ifMatch)?.[1];
  if (expected === undefined) return problem(400, `If-Match: ${ifMatch} is not a change's number in quotes, as in "7"`);
  const endsRollout = rolloutOn(views, name);
  const outcome = await views.changeSplit(name, { ...asked, expected: Number(expected) });
  return outcome.ok ? shown(views, name, endsRollout) : refused(views, name, outcome.error);
}

/** Weights that are not its own end it; whoever sets them should know. */
function rolloutOn(views: SplitViews, split: string): SplitJson["endsRollout"] {
  const record = views.rollouts().find((stored) => stored.record.plan.split === split)?.record;
  if (record === undefined || !isActive(record)) return undefined;
  const { id, target, startedBy } = record;
  return { id, target, startedBy };
}

function refused(views: SplitViews, name: string, why: NotChanged): Answer {
  switch (why.kind) {
    case "unknown-split":
      return unknown(name, why.names);
    case "conflict": {
      const split = currentOf(views, name);
      const by = why.current.history[0];
      const who =
        by === undefined ? "" : `: ${by.actor} has changed it${by.reason === undefined ? "" : ` (${by.reason})`}`;
      return problem(
        412,
        `split \`${name}\` is at change ${why.current.number}${who}`,
        split === undefined ? {} : { split },
      );
    }
    case "unavailable":
      return problem(503, `nothing is changed, because the state cannot be written: ${why.message}`, {
        title: "The state is not there",
      });
    case "invalid":
    case "limit":
      return problem(422, why.message, { refusal: why.kind });
  }
}

function shown(views: SplitViews, name: string, endsRollout?: SplitJson["endsRollout"]): Answer {
  const split = currentOf(views, name);
  if (split === undefined) return unknown(name, namesOf(views));
  const body: SplitJson = { ...split, ...(endsRollout === undefined ? {} : { endsRollout }) };
  return { status: 200, body, headers: { etag: `"${body.number}"` } };
}

function currentOf(views: SplitViews, name: string): ReturnType<typeof splitJson> | undefined {
  const found = views.splits().find(({ split }) => split.name === name);
  return found === undefined ? undefined : splitJson(found);
}

function namesOf(views: SplitViews): readonly string[] {
  return views.splits().map(({ split }) => split.name);
}

function unknown(name: string, names: readonly string[]): Answer {
  return problem(404, `there is no split \`${name}\`: ${knownSplits(names, name)}`);
}

function leaseOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as "s" | "m" | "h"];
  return ms >= LEASE_MS_MIN && ms <= LEASE_MS_MAX ? ms : undefined;
}

function issues(all: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  return all.map(({ path, message }) => [...path.map(String), message].join(": ")).join("; ");
}
