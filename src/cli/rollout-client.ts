/**
 * What the commands about rollouts have in common: whom they ask, and how they tell what is answered.
 */
import type { Command } from "commander";
import { Option } from "commander";
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { ServerAnswer } from "./ask-server.ts";
import { SERVER_DEFAULT, addressProblem, askServer, detailOf } from "./ask-server.ts";
import { drawRollout } from "./draw-rollouts.ts";
import { exitCodes, print, tell } from "./output.ts";

/** What each of these commands has. */
export interface RolloutFlags {
  readonly server: string;
  readonly output: string;
}

/** Adds `--server` and `--output`. */
export function asking(command: Command): Command {
  return addServer(command).addOption(
    new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"),
  );
}

/** The same of a command that waits, and may tell line by line what it sees. */
export function following(command: Command): Command {
  return addServer(command).addOption(
    new Option("-o, --output <format>", "text, json, or jsonl: an event a line while it waits")
      .choices(["text", "json", "jsonl"])
      .default("text"),
  );
}

export function addServer(command: Command): Command {
  return command.addOption(
    new Option("--server <url>", "the admin address of any replica").default(SERVER_DEFAULT).env("FAIRWAY_SERVER"),
  );
}

/** The answer, when it is what was asked for; else why not was told, and the exit code is set. */
export async function ask(
  flags: RolloutFlags,
  command: Command,
  path: string,
  init: RequestInit = {},
): Promise<ServerAnswer | undefined> {
  const wrong = addressProblem(flags.server);
  if (wrong !== undefined) return command.error(`error: ${wrong}`, { exitCode: exitCodes.usage });
  const answer = await askServer(flags.server, path, init);
  if (answer.status >= 200 && answer.status < 300) return answer;
  tellRefusal(flags, answer, init.method === undefined ? "" : "nothing is changed: ");
  return undefined;
}

export function tellRollout({ output, server }: RolloutFlags, rollout: RolloutJson): void {
  if (output === "jsonl") return print(JSON.stringify(rollout));
  print(output === "json" ? JSON.stringify(rollout, undefined, 2) : drawRollout(rollout, server));
}

/** Why the server does not do it, and the exit code for that. */
export function tellRefusal({ server }: RolloutFlags, answer: ServerAnswer, consequence: string): void {
  const detail = detailOf(answer);
  if (detail === undefined) {
    const sentence = `${server} answered ${answer.status}: it is not the admin address of a Fairway`;
    throw new FairwayError("ADMIN_UNREACHABLE", sentence);
  }
  tell(`fairway: ${consequence}${detail}`);
  const conflicts = [409, 412, 423];
  process.exitCode = conflicts.includes(answer.status)
    ? exitCodes.conflict
    : answer.status === 503
      ? exitCodes.internal
      : exitCodes.usage;
}

export function pathOf(split: string): string {
  return `/v1/rollouts/${encodeURIComponent(split)}`;
}
