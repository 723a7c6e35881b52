/**
 * Waits until a rollout is over or needs somebody, tells what changes meanwhile, and says how a script ends then.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { systemClock } from "../support/clock.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { askServer, detailOf } from "./ask-server.ts";
import { exitCodes } from "./output.ts";
import type { RolloutProgress } from "./rollout-progress.ts";

/** The server answers when there is news, or after this. */
const NEWS_S = 10;

/** While the server is away, such as when it is restarted. */
const RETRY_MS = 500;

/** Why an Envoy's part went wrong, and not the canary's. */
const fleetReasons: ReadonlySet<string> = new Set(["rejected", "not-converged", "crashed"]);

/** How it ended, or that it has not. */
export interface AwaitedRollout {
  readonly rollout: RolloutJson;
  readonly exitCode: number;
}

/** Throws when the server answers with something else. */
export async function awaitRollout(
  begun: RolloutJson,
  options: {
    readonly server: string;
    readonly timeoutMs: number;
    readonly progress: RolloutProgress;
    /** Ends the wait, and nothing else. */
    readonly signal?: AbortSignal;
  },
): Promise<AwaitedRollout> {
  const endsAtMs = systemClock.monotonicMs() + options.timeoutMs;
  let isAway = false;
  for (let rollout = begun; ;) {
    options.progress.changed(rollout);
    const exitCode = exitCodeOf(rollout, begun.id);
    if (exitCode !== undefined) return { rollout, exitCode };
    if (systemClock.monotonicMs() >= endsAtMs || isAborted(options.signal)) {
      return { rollout, exitCode: exitCodes.timeout };
    }
    try {
      rollout = await news(rollout, options);
      isAway = false;
    } catch (cause) {
      if (!(cause instanceof FairwayError) || cause.code !== "ADMIN_UNREACHABLE") throw cause;
      if (isAborted(options.signal)) continue;
      const text = `${cause.message}; asking again until it answers`;
      if (!isAway) options.progress.said("server-away", text, rollout);
      isAway = true;
      await pause(RETRY_MS);
    }
  }
}

/** Undefined while there is nothing to be done but to wait. */
export function exitCodeOf(
  { id, phase, outcome, verdict, pausedBy }: RolloutJson,
  begunId: string,
): number | undefined {
  // Another one has begun, so this one was ended.
  if (id !== begunId) return exitCodes.aborted;
  if (phase === "awaiting-approval") return exitCodes.awaitsApproval;
  if (phase === "paused") return pausedBy === "engine" ? exitCodes.awaitsApproval : undefined;
  if (phase !== "done") return undefined;
  switch (outcome?.kind) {
    case "promoted":
      return exitCodes.ok;
    case "rolled-back":
      if (outcome.by !== undefined) return exitCodes.aborted;
      return fleetReasons.has(verdict?.reason ?? "") ? exitCodes.notConverged : exitCodes.refused;
    case "aborted":
    case "superseded":
    case undefined:
      return exitCodes.aborted;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function news(
  rollout: RolloutJson,
  { server, signal }: { readonly server: string; readonly signal?: AbortSignal },
): Promise<RolloutJson> {
  const { split, number, revision } = rollout;
  // By its number: the next one may have begun since, and it is not the one that is waited for.
  const path = `/v1/rollouts/${encodeURIComponent(split)}?number=${number}&since=${revision}&wait=${NEWS_S}s`;
  const answer = await askServer(server, path, signal === undefined ? {} : { signal });
  if (answer.status === 200) return answer.body as RolloutJson;
  // One that is starting has read nothing yet.
  const detail = detailOf(answer) ?? `${server} answered ${answer.status}`;
  throw new FairwayError("ADMIN_UNREACHABLE", detail);
}
