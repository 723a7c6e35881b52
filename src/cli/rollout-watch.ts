/**
 * `fairway rollout watch`, and the wait of `start`: until a rollout is over, or somebody has to do something.
 */
import { Command } from "commander";
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { askServer, serverFlag } from "./ask-server.ts";
import { awaitRollout } from "./await-rollout.ts";
import { readFlagMs } from "./instance-options.ts";
import { systemClock } from "../support/clock.ts";
import { exitCodes, print, tell } from "./output.ts";
import type { RolloutFlags } from "./rollout-client.ts";
import { ask, following, pathOf, tellRollout } from "./rollout-client.ts";
import type { RolloutProgress } from "./rollout-progress.ts";
import { jsonProgress, textProgress } from "./rollout-progress.ts";
import { whoIsHere } from "./who-is-here.ts";

/** Of a wait. */
export interface WaitFlags extends RolloutFlags {
  readonly timeout: string;
  readonly onInterrupt?: string;
}

/** By SIGINT, as shells count. */
const INTERRUPTED = 130;

export function watchRolloutCommand(): Command {
  const watch = new Command("watch")
    .description("tell what a rollout does until it is over, or somebody has to decide")
    .argument("<split>", "the split");
  return waiting(following(watch)).action(async (split: string, flags: WaitFlags, command: Command) => {
    const answer = await ask(flags, command, pathOf(split));
    if (answer !== undefined) await waitFor(answer.body as RolloutJson, flags, command);
  });
}

/** Adds `--timeout` and `--on-interrupt`. */
export function waiting(command: Command): Command {
  return command
    .option("--timeout <duration>", "how long it waits; the rollout goes on after that", "30m")
    .option("--on-interrupt <action>", "abort: Ctrl-C takes the rollout back; it goes on when absent");
}

/** Tells progress on stderr, or as lines of JSON on stdout, and the end on stdout; sets the exit code. */
export async function waitFor(begun: RolloutJson, flags: WaitFlags, command: Command): Promise<void> {
  const timeoutMs = readFlagMs("--timeout", flags.timeout);
  if (!timeoutMs.ok) return command.error(`error: ${timeoutMs.error}`, { exitCode: exitCodes.usage });
  if (flags.onInterrupt !== undefined && flags.onInterrupt !== "abort") {
    return command.error(`error: --on-interrupt "${flags.onInterrupt}": write abort, or leave it out`, {
      exitCode: exitCodes.usage,
    });
  }
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once("SIGINT", onSignal);
  try {
    const isJson = flags.output === "jsonl";
    const progress = isJson ? jsonProgress(print, () => systemClock.nowMs()) : textProgress(tell);
    const wait = { server: flags.server, timeoutMs: timeoutMs.value, progress, signal: interrupt.signal };
    const { rollout, exitCode } = await awaitRollout(begun, wait);
    if (interrupt.signal.aborted) return await interrupted(rollout, flags, progress);
    const goOn = `fairway rollout watch ${rollout.split}${serverFlag(flags.server)}`;
    const late = `fairway: ${rollout.id} is still on after ${flags.timeout}; go on with: ${goOn}`;
    const isLate = exitCode === exitCodes.timeout;
    // The last line is the rollout.
    if (isLate && isJson) progress.said("timeout", late, rollout);
    tellRollout(flags, rollout);
    if (isLate && !isJson) progress.said("timeout", late, rollout);
    process.exitCode = exitCode;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

async function interrupted(rollout: RolloutJson, flags: WaitFlags, progress: RolloutProgress): Promise<void> {
  const { id, split } = rollout;
  process.exitCode = INTERRUPTED;
  if (flags.onInterrupt === undefined)
    return endWith(`fairway: ${id} goes on without you; fairway rollout abort ${split}`, rollout);
  const body = JSON.stringify({ actor: whoIsHere(), reason: "interrupted" });
  const headers = { "content-type": "application/json" };
  const { status, body: answered } = await askServer(flags.server, `${pathOf(split)}/abort`, {
    method: "POST",
    headers,
    body,
  });
  if (status === 200) return endWith(`fairway: ${id} is rolled back`, answered as RolloutJson);
  endWith(`fairway: ${id} could not be aborted, and goes on`, rollout);

  function endWith(text: string, last: RolloutJson): void {
    progress.said("interrupted", text, last);
    if (flags.output === "jsonl") tellRollout(flags, last);
  }
}
