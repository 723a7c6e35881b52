/**
 * `fairway rollout`: starts a canary, watches it and acts on it, over the admin API of any replica.
 *
 * What is measured and decided happens in the server, so that a command that is ended, or a CI job that dies, changes
 * nothing about it.
 */
import { Command, Option } from "commander";
import type { RolloutJson, RolloutLockJson } from "../admin/rollout-schema.ts";
import { defined } from "../model/sort.ts";
import { printable } from "../telemetry/printable.ts";
import { drawRollout, drawRollouts } from "./draw-rollouts.ts";
import { exitCodes, print, tell } from "./output.ts";
import type { RolloutFlags } from "./rollout-client.ts";
import { addServer, ask, asking, pathOf, tellRollout } from "./rollout-client.ts";
import { analyzeRolloutCommand, planRolloutCommand, startRolloutCommand } from "./rollout-start.ts";
import { watchRolloutCommand } from "./rollout-watch.ts";
import { whoIsHere } from "./who-is-here.ts";

interface ActFlags extends RolloutFlags {
  readonly actor?: string;
  readonly reason?: string;
  readonly target?: string;
  readonly number?: string;
  readonly ifMatch?: string;
  readonly full?: boolean;
}

/** The subcommand; exit codes are in docs/rollouts.md. */
export function rolloutCommand(): Command {
  const rollout = new Command("rollout").description("move a canary step by step, judged by what Envoys report");
  const commands = [
    planRolloutCommand(),
    startRolloutCommand(),
    analyzeRolloutCommand(),
    statusCommand(),
    watchRolloutCommand(),
    actCommand("pause", "keep the weights as they are until somebody goes on"),
    actCommand("resume", "go on with the step that is paused"),
    actCommand("promote", "go on to the next step now").option("--full", "to 100 % now"),
    actCommand("approve", "agree to the step that waits for it"),
    actCommand("abort", "go back to the weights before"),
    actCommand("undo", "take back what was promoted"),
    actCommand("retry", "start the same once more, when it did not end well"),
    reportCommand(),
    historyCommand(),
    lockCommand(),
    unlockCommand(),
  ];
  for (const command of commands) rollout.addCommand(command.exitOverride());
  return rollout;
}

function statusCommand(): Command {
  const status = new Command("status")
    .description("what a rollout does, how it went, and what can be done now")
    .argument("[split]", "its split; all rollouts when absent");
  return asking(status).action(async (split: string | undefined, flags: RolloutFlags, command: Command) => {
    const answer = await ask(flags, command, split === undefined ? "/v1/rollouts" : pathOf(split));
    if (answer === undefined) return;
    if (flags.output === "json") return print(JSON.stringify(answer.body, undefined, 2));
    print(
      split === undefined
        ? drawRollouts((answer.body as { readonly rollouts: readonly RolloutJson[] }).rollouts)
        : drawRollout(answer.body as RolloutJson, flags.server),
    );
  });
}

function historyCommand(): Command {
  const history = new Command("history").description("the last rollouts of a split").argument("<split>", "the split");
  return asking(history).action(async (split: string, flags: RolloutFlags, command: Command) => {
    const answer = await ask(flags, command, `${pathOf(split)}/history`);
    if (answer === undefined) return;
    if (flags.output === "json") return print(JSON.stringify(answer.body, undefined, 2));
    print(drawRollouts((answer.body as { readonly rollouts: readonly RolloutJson[] }).rollouts));
  });
}

function reportCommand(): Command {
  const report = new Command("report")
    .description("what was measured and decided: for a job summary, a test report, or as a page")
    .argument("<split>", "the split")
    .option("--number <number>", "an older rollout; the newest when absent")
    .option("--target <name>", "the newest rollout of this target, and of no other")
    .option("--all", "show all that changed of the config meanwhile")
    .addOption(new Option("-o, --output <format>", "md, json, junit or html").choices(reportFormats).default("md"));
  return addServer(report).action(async (split: string, flags: ReportFlags, command: Command) => {
    const asked = await askedOf(split, flags, command);
    if (asked === undefined) return;
    const number = asked.number === undefined ? "" : `&number=${asked.number}`;
    const all = flags.all === true ? "&all=true" : "";
    const answer = await ask(flags, command, `${pathOf(split)}/report?format=${flags.output}${number}${all}`);
    if (answer !== undefined) print(answer.text ?? JSON.stringify(answer.body, undefined, 2));
  });
}

interface ReportFlags extends RolloutFlags {
  readonly number?: string;
  readonly target?: string;
  readonly all?: boolean;
}

/** The rollout that is asked for, the newest without a number; undefined when there is none, which was told. */
async function askedOf(
  split: string,
  flags: ReportFlags,
  command: Command,
): Promise<{ readonly number: string | number | undefined } | undefined> {
  const { number, target } = flags;
  if (number !== undefined && (target !== undefined || !/^[1-9]\d*$/.test(number))) {
    const wrong =
      target === undefined
        ? wrongNumber(number)
        : "error: --number and --target both say which rollout: leave one of them out";
    return command.error(wrong, usage);
  }
  if (target === undefined) return { number };
  const answer = await ask(flags, command, `${pathOf(split)}/history`);
  if (answer === undefined) return undefined;
  const { rollouts } = answer.body as { readonly rollouts: readonly RolloutJson[] };
  const found = rollouts.find((rollout) => rollout.target === target);
  if (found !== undefined) return { number: found.number };
  const newest = rollouts[0];
  const is =
    newest === undefined ? "there was none yet" : `the newest, ${newest.id}, is of ${JSON.stringify(newest.target)}`;
  tell(`fairway: there is no rollout of ${JSON.stringify(target)} to report on; ${is}`);
  process.exitCode = exitCodes.usage;
  return undefined;
}

const reportFormats = ["md", "json", "junit", "html"];

function actCommand(action: string, description: string): Command {
  const act = new Command(action)
    .description(description)
    .argument("<split>", "the split")
    .option("--reason <text>", "why; it is kept with the rollout")
    .option("--actor <name>", "who; the user of this machine when absent")
    .option("--target <name>", "only if the newest rollout is of this target, such as what a job has started")
    .option("--number <number>", "only if this is its number, as history shows it")
    .option("--if-match <revision>", "only if this is its revision, as `status -o json` shows it");
  return asking(act).action(async (split: string, flags: ActFlags, command: Command) => {
    const meant = await meantBy(split, flags, command);
    if (meant === undefined) return;
    const answer = await ask(flags, command, `${pathOf(split)}/${action}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(flags.ifMatch === undefined ? {} : { "if-match": `"${flags.ifMatch}"` }),
      },
      body: JSON.stringify({
        actor: flags.actor ?? whoIsHere(),
        reason: flags.reason,
        ...meant,
        ...(flags.full === true ? { full: true } : {}),
      }),
    });
    if (answer !== undefined) tellRollout(flags, answer.body as RolloutJson);
  });
}

/** Which rollout is meant, and without a word about it the one that is there now; undefined when that was told. */
async function meantBy(
  split: string,
  flags: ActFlags,
  command: Command,
): Promise<{ readonly number?: number; readonly target?: string } | undefined> {
  const { ifMatch, number, target } = flags;
  if (ifMatch !== undefined && !/^\d+$/.test(ifMatch)) {
    return command.error(`error: --if-match "${ifMatch}": write a revision`, usage);
  }
  if (number !== undefined && !/^[1-9]\d*$/.test(number)) return command.error(wrongNumber(number), usage);
  const said = { ...(number === undefined ? {} : { number: Number(number) }), ...defined({ target }) };
  if (ifMatch !== undefined || number !== undefined || target !== undefined) return said;
  const answer = await ask(flags, command, pathOf(split));
  return answer === undefined ? undefined : { number: (answer.body as RolloutJson).number };
}

const usage = { exitCode: exitCodes.usage };

function wrongNumber(number: string): string {
  return `error: --number "${number}": write the number of a rollout, as history shows it`;
}

function lockCommand(): Command {
  const lock = new Command("lock")
    .description("keep others from starting a rollout of a split, for a while")
    .argument("<split>", "the split")
    .option("--ttl <duration>", "for how long", "30m")
    .option("--owner <name>", "whose rollouts may start (their --actor); the user of this machine when absent")
    .option("--reason <text>", "why");
  return asking(lock).action(
    async (
      split: string,
      flags: RolloutFlags & { readonly ttl: string; readonly owner?: string; readonly reason?: string },
      command: Command,
    ) => {
      const { ttl, owner = whoIsHere(), reason } = flags;
      const answer = await ask(flags, command, `${pathOf(split)}/lock`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ owner, reason, ttl }),
      });
      if (answer === undefined) return;
      const { lock: taken } = answer.body as { readonly lock?: RolloutLockJson };
      if (flags.output === "json") return print(JSON.stringify(answer.body, undefined, 2));
      print(`${split} is locked by ${taken?.owner ?? owner} until ${taken?.ends ?? "?"}`);
    },
  );
}

function unlockCommand(): Command {
  const unlock = new Command("unlock")
    .description("give the lock back")
    .argument("<split>", "the split")
    .option("--owner <name>", "who has it; the user of this machine when absent");
  return asking(unlock).action(
    async (split: string, flags: RolloutFlags & { readonly owner?: string }, command: Command) => {
      const answer = await ask(flags, command, `${pathOf(split)}/unlock`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ owner: flags.owner ?? whoIsHere() }),
      });
      if (answer === undefined) return;
      if (flags.output === "json") return print(JSON.stringify(answer.body, undefined, 2));
      const { released } = answer.body as { readonly released?: RolloutLockJson };
      print(
        released === undefined
          ? `${split} was not locked; nothing is changed`
          : `the lock of ${printable(released.owner)} on ${split} is given back: anybody may start a rollout`,
      );
    },
  );
}
