/**
 * `fairway rollout watch`, and the wait of `start`: until a rollout is over, or somebody has to do something.
 */
import { Command } from "commander";
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { askServer, serverFlag } from "./ask-server.ts";
import { awaitRollout } from "./await-rollout.ts";
import { readFlagMs } from "./instance-options.ts";
import { exitCodes, tell } from "./output.ts";
import type { RolloutFlags } from "./rollout-client.ts";
import { ask, asking, pathOf, tellRollout } from "./rollout-client.ts";
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
  return waiting(asking(watch)).action(async (split: string, flags: WaitFlags, command: Command) => {
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

/** Tells progress on stderr and the end on stdout, and sets the exit code. */
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
    const wait = { server: flags.server, timeoutMs: timeoutMs.value, tell, signal: interrupt.signal };
    const { rollout, exitCode } = await awaitRollout(begun, wait);
    if (interrupt.signal.aborted) return await interrupted(rollout, flags);
    tellRollout(flags, rollout);
    if (exitCode === exitCodes.timeout) {
      const goOn = `fairway rollout watch ${rollout.split}${serverFlag(flags.server)}`;
      tell(`fairway: ${rollout.id} is still on after ${flags.timeout}; go on with: ${goOn}`);
    }
    process.exitCode = exitCode;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

async function interrupted({ id, split }: RolloutJson, flags: WaitFlags): Promise<void> {
  process.exitCode = INTERRUPTED;
  if (flags.onInterrupt === undefined)
    return tell(`fairway: ${id} goes on without you; fairway rollout abort ${split}`);
  const body = JSON.stringify({ actor: whoIsHere(), reason: "interrupted" });
  const headers = { "content-type": "application/json" };
  const { status } = await askServer(flags.server, `${pathOf(split)}/abort`, { method: "POST", headers, body });
  tell(status === 200 ? `fairway: ${id} is rolled back` : `fairway: ${id} could not be aborted, and goes on`);
}
