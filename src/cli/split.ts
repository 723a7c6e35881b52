/**
 * `fairway split`: shows the weights of splits, and changes them while everything runs, over the admin API of any replica.
 *
 * A change is made to what its caller has seen and to nothing else: `--expect` says what that is, or it is read just before.
 */
import { Command, Option } from "commander";
import type { SplitChangeJson, SplitJson } from "../admin/split-schema.ts";
import { noSuchBackend } from "../rollout/set-weights.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { ServerAnswer } from "./ask-server.ts";
import { SERVER_DEFAULT, addressProblem, askServer, detailOf } from "./ask-server.ts";
import { awaitSplit } from "./await-split.ts";
import { drawHistory, drawSplits, weightsText } from "./draw-splits.ts";
import { readFlagMs } from "./instance-options.ts";
import { exitCodes, print, tell } from "./output.ts";
import { readWeights } from "./split-weights.ts";
import { whoIsHere } from "./who-is-here.ts";

interface ShowFlags {
  readonly server: string;
  readonly output: "text" | "json";
}

interface ChangeFlags extends ShowFlags {
  readonly expect?: readonly string[];
  readonly ifMatch?: string;
  readonly reason?: string;
  readonly actor?: string;
  readonly wait?: string | true;
  readonly timeout?: string;
}

interface SetFlags extends ChangeFlags {
  readonly lease?: string;
}

/** Of `--wait`. */
const TIMEOUT_DEFAULT = "60s";

/** The subcommand: exit code 2 for wrong weights, 6 when somebody else has changed them, 7 when Envoys do not follow. */
export function splitCommand(): Command {
  const split = new Command("split").description("show or change the weights of a split while everything runs");
  for (const command of [getCommand(), setCommand(), resetCommand(), historyCommand()]) {
    // A subcommand of a subcommand must end as the others do.
    split.addCommand(command.exitOverride());
  }
  return split;
}

function getCommand(): Command {
  const get = new Command("get").description("the weights in force, and which Envoys have them");
  return asking(get.argument("[name]", "the split; all of them when absent")).action(
    async (name: string | undefined, flags: ShowFlags, command: Command) => {
      refuseAddress(flags, command);
      const path = name === undefined ? "/v1/splits" : pathOf(name);
      const answer = await askServer(flags.server, path);
      if (answer.status !== 200) return tellRefusal(flags, answer);
      if (flags.output === "json") return print(JSON.stringify(answer.body, undefined, 2));
      const { splits } = answer.body as { readonly splits: readonly SplitJson[] };
      print(drawSplits(name === undefined ? splits : [answer.body as SplitJson]));
    },
  );
}

function historyCommand(): Command {
  const history = new Command("history").description("the last changes: what, by whom, when and why");
  return asking(history.argument("<name>", "the split")).action(
    async (name: string, flags: ShowFlags, command: Command) => {
      refuseAddress(flags, command);
      const answer = await askServer(flags.server, `${pathOf(name)}/history`);
      if (answer.status !== 200) return tellRefusal(flags, answer);
      if (flags.output === "json") return print(JSON.stringify(answer.body, undefined, 2));
      print(drawHistory((answer.body as { readonly history: readonly SplitChangeJson[] }).history));
    },
  );
}

function setCommand(): Command {
  const set = new Command("set")
    .description("set the weights of a split, within the limits of its file")
    .argument("<name>", "the split")
    .argument("<weights...>", "backend=PERCENT; one backend may be left out and has the rest")
    .option("--lease <duration>", "take them back after so long unless they are set again, such as 15m");
  return changing(asking(set)).action(
    async (name: string, words: readonly string[], flags: SetFlags, command: Command) => {
      const weights = readWeights(words);
      if (!weights.ok) return command.error(`error: ${weights.error}`, { exitCode: exitCodes.usage });
      await change(name, flags, command, {
        method: "PUT",
        path: pathOf(name),
        body: { weights: weights.value, ...(flags.lease === undefined ? {} : { lease: flags.lease }) },
      });
    },
  );
}

function resetCommand(): Command {
  const reset = new Command("reset").description("go back to the weights of the file").argument("<name>", "the split");
  return changing(asking(reset)).action(async (name: string, flags: ChangeFlags, command: Command) => {
    await change(name, flags, command, { method: "POST", path: `${pathOf(name)}/reset`, body: {} });
  });
}

function asking(command: Command): Command {
  return command
    .addOption(
      new Option("--server <url>", "the admin address of any replica").default(SERVER_DEFAULT).env("FAIRWAY_SERVER"),
    )
    .addOption(new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"));
}

function changing(command: Command): Command {
  return command
    .option("--expect <weights...>", "only if these are the weights now, such as --expect canary=5")
    .option("--if-match <number>", "only if this is the last change, as `get` shows it")
    .option("--reason <text>", "why; it is kept with the change")
    .option("--actor <name>", "who; the user of this machine when absent")
    .option("--wait [converged]", "until every connected Envoy has acknowledged it")
    .option("--timeout <duration>", `how long --wait waits; ${TIMEOUT_DEFAULT} when absent`);
}

/** A change as the admin API takes it. */
interface Change {
  readonly method: "PUT" | "POST";
  readonly path: string;
  readonly body: object;
}

async function change(name: string, flags: ChangeFlags, command: Command, asked: Change): Promise<void> {
  refuseAddress(flags, command);
  if (flags.timeout !== undefined && flags.wait === undefined) {
    return command.error("error: --timeout is how long --wait waits; write --wait as well, or leave both out", {
      exitCode: exitCodes.usage,
    });
  }
  const timeoutMs = readFlagMs("--timeout", flags.timeout ?? TIMEOUT_DEFAULT);
  if (!timeoutMs.ok) return command.error(`error: ${timeoutMs.error}`, { exitCode: exitCodes.usage });
  if (typeof flags.wait === "string" && flags.wait !== "converged") {
    return command.error(`error: --wait "${flags.wait}": write --wait or --wait=converged`, {
      exitCode: exitCodes.usage,
    });
  }
  const seen = await splitSeen(name, flags, command);
  if (seen === undefined) return;
  const answer = await askServer(flags.server, asked.path, {
    method: asked.method,
    headers: { "if-match": `"${seen.number}"`, "content-type": "application/json" },
    body: JSON.stringify({ ...asked.body, actor: flags.actor ?? whoIsHere(), reason: flags.reason }),
  });
  if (answer.status !== 200) return tellRefusal(flags, answer, "nothing is changed: ");
  const set = answer.body as SplitJson;
  if (set.source === "live" && set.leaseEnds === undefined && seen.leaseEnds !== undefined) {
    tell(`fairway: the lease that was to end at ${seen.leaseEnds} is gone: nothing takes these weights back by itself`);
  }
  if (flags.wait === undefined) return tellSet(flags, set);
  const { server } = flags;
  await awaitSplit(set, {
    timeoutMs: timeoutMs.value,
    ask: async () => (await askServer(server, pathOf(name))).body,
  }).then(({ split, problem }) => {
    const { endsRollout } = set;
    tellSet(flags, { ...(split ?? set), ...(endsRollout === undefined ? {} : { endsRollout }) });
    if (problem === undefined) return;
    tell(`fairway: ${problem.message}`);
    process.exitCode = exitCodes[problem.code];
  });
}

/** What the caller changes; undefined when it is not what he expects, which was told. */
async function splitSeen(
  name: string,
  flags: ChangeFlags,
  command: Command,
): Promise<Pick<SplitJson, "number" | "leaseEnds"> | undefined> {
  if (flags.ifMatch !== undefined && !/^\d+$/.test(flags.ifMatch)) {
    return command.error(`error: --if-match "${flags.ifMatch}": write the number of a change, as \`get\` shows it`, {
      exitCode: exitCodes.usage,
    });
  }
  const expected = flags.expect === undefined ? undefined : readWeights(flags.expect);
  if (expected?.ok === false) return command.error(`error: --expect: ${expected.error}`, { exitCode: exitCodes.usage });
  const answer = await askServer(flags.server, pathOf(name));
  if (answer.status !== 200) {
    tellRefusal(flags, answer, "nothing is changed: ");
    return undefined;
  }
  const now = answer.body as SplitJson;
  const backends = Object.keys(now.weights);
  const unknown = Object.keys(expected?.value ?? {}).find((backend) => !backends.includes(backend));
  if (unknown !== undefined) {
    const sentence = noSuchBackend(name, backends, unknown);
    return command.error(`error: --expect: ${sentence}`, { exitCode: exitCodes.usage });
  }
  // The server compares it once more, and says what it is at.
  if (flags.ifMatch !== undefined) return { ...now, number: Number(flags.ifMatch) };
  const other = Object.entries(expected?.value ?? {}).find(([backend, percent]) => now.weights[backend] !== percent);
  if (other === undefined) return now;
  tell(`fairway: nothing is changed: ${name} is not as expected: ${weightsText(now.weights)}${lastChange(now)}`);
  process.exitCode = exitCodes.conflict;
  return undefined;
}

function tellSet({ output }: ChangeFlags, split: SplitJson): void {
  print(output === "json" ? JSON.stringify(split, undefined, 2) : drawSplits([split]));
}

/** Why the server does not do it, and the exit code for that. */
function tellRefusal({ server }: ShowFlags, answer: ServerAnswer, consequence = ""): void {
  const detail = detailOf(answer);
  if (detail === undefined) {
    const sentence = `${server} answered ${answer.status}: it is not the admin address of a Fairway`;
    throw new FairwayError("ADMIN_UNREACHABLE", sentence);
  }
  tell(`fairway: ${consequence}${detail}`);
  process.exitCode =
    answer.status === 412 || answer.status === 423
      ? exitCodes.conflict
      : answer.status === 503
        ? exitCodes.internal
        : exitCodes.usage;
}

function lastChange({ lastChange: last }: SplitJson): string {
  return last === undefined ? "" : `, set by ${last.actor} at ${last.at}`;
}

function refuseAddress({ server }: ShowFlags, command: Command): void {
  const wrong = addressProblem(server);
  if (wrong !== undefined) command.error(`error: ${wrong}`, { exitCode: exitCodes.usage });
}

function pathOf(name: string): string {
  return `/v1/splits/${encodeURIComponent(name)}`;
}
