/**
 * `fairway rollout watch`, and the wait of `start`: until a rollout is over, or somebody has to do something.
 */
import { Command } from "commander";
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { askServer, detailOf, serverFlag } from "./ask-server.ts";
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
  /** Who waits, where that can be said. */
  readonly actor?: string;
}

/** By SIGINT, as shells count; the same when a CI runner, systemd or a container ends it. */
const INTERRUPTED = 130;
const INTERRUPTS = ["SIGINT", "SIGTERM"] as const;

export function watchRolloutCommand(): Command {
  const watch = new Command("watch")
    .description("tell what a rollout does until it is over, or somebody has to decide")
    .argument("<split>", "the split");
  return waiting(following(watch)).action(async (split: string, flags: WaitFlags, command: Command) => {
    const timeoutMs = timeoutOf(flags, command);
    const answer = await ask(flags, command, pathOf(split));
    if (answer === undefined) return;
    using interrupt = heedInterrupt();
    await waitFor(answer.body as RolloutJson, flags, { timeoutMs, signal: interrupt.signal });
  });
}

/** Adds `--timeout` and `--on-interrupt`. */
export function waiting(command: Command): Command {
  return command
    .option("--timeout <duration>", "how long it waits; the rollout goes on after that", "30m")
    .option("--on-interrupt <action>", "abort: Ctrl-C takes the rollout back; it goes on when absent");
}

/** Whether somebody has asked to end since, by Ctrl-C or SIGTERM; the second time it ends the command at once. */
export function heedInterrupt(): Disposable & { readonly signal: AbortSignal } {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const name of INTERRUPTS) process.once(name, onSignal);
  return {
    signal: interrupt.signal,
    [Symbol.dispose]: () => {
      for (const name of INTERRUPTS) process.off(name, onSignal);
    },
  };
}

/** Tells progress on stderr, or as lines of JSON on stdout, and the end on stdout; sets the exit code. */
export async function waitFor(
  begun: RolloutJson,
  flags: WaitFlags,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const isJson = flags.output === "jsonl";
  const progress = isJson
    ? jsonProgress(print, () => systemClock.nowMs())
    : textProgress(tell, () => systemClock.monotonicMs());
  const { rollout, exitCode } = await awaitRollout(begun, { server: flags.server, timeoutMs, progress, signal });
  const isLate = exitCode === exitCodes.timeout;
  if (isLate && signal.aborted) return interrupted(rollout, flags, progress);
  const goOn = `fairway rollout watch ${rollout.split}${serverFlag(flags.server)}`;
  const late = `fairway: ${rollout.id} is still on after ${flags.timeout}; go on with: ${goOn}`;
  // The last line is the rollout.
  if (isLate && isJson) progress.said("timeout", late, rollout);
  tellRollout(flags, rollout);
  if (isLate && !isJson) progress.said("timeout", late, rollout);
  process.exitCode = exitCode;
}

/** How long a wait may take; ends the command when a flag of it is wrong. */
export function timeoutOf(flags: WaitFlags, command: Command): number {
  const timeoutMs = readFlagMs("--timeout", flags.timeout);
  if (!timeoutMs.ok) return command.error(`error: ${timeoutMs.error}`, { exitCode: exitCodes.usage });
  if (flags.onInterrupt !== undefined && flags.onInterrupt !== "abort") {
    return command.error(`error: --on-interrupt "${flags.onInterrupt}": write abort, or leave it out`, {
      exitCode: exitCodes.usage,
    });
  }
  return timeoutMs.value;
}

async function interrupted(rollout: RolloutJson, flags: WaitFlags, progress: RolloutProgress): Promise<void> {
  const { id, split, number } = rollout;
  process.exitCode = INTERRUPTED;
  const { server, actor = whoIsHere() } = flags;
  const takeBack = `fairway rollout abort ${split} --number ${number}${serverFlag(server)}`;
  if (flags.onInterrupt === undefined) {
    return endWith(`fairway: ${id} goes on without you; to take it back: ${takeBack}`, rollout);
  }
  // Another one may have begun since, and it is not the one that was waited for.
  const body = JSON.stringify({ actor, reason: "interrupted", number });
  const headers = { "content-type": "application/json" };
  const answer = await askServer(server, `${pathOf(split)}/abort`, { method: "POST", headers, body });
  if (answer.status === 200) {
    return endWith(`fairway: ${id} goes back to the weights before`, answer.body as RolloutJson);
  }
  const why = detailOf(answer) ?? `${server} answered ${answer.status}`;
  endWith(`fairway: ${id} could not be taken back: ${why}; to try again: ${takeBack}`, rollout);

  function endWith(text: string, last: RolloutJson): void {
    progress.said("interrupted", text, last);
    if (flags.output === "jsonl") tellRollout(flags, last);
  }
}
