/**
 * `fairway rollout plan` and `start`: a plan from a file or from flags, looked at or begun.
 */
import { Command, Option } from "commander";
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { defined } from "../model/sort.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { ServerAnswer } from "./ask-server.ts";
import { addressProblem, askServer } from "./ask-server.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";
import type { PlanFile } from "./plan-file.ts";
import { readPlanFile } from "./plan-file.ts";
import { addServer, following, tellRefusal, tellRollout } from "./rollout-client.ts";
import type { WaitFlags } from "./rollout-watch.ts";
import { heedInterrupt, timeoutOf, waitFor, waiting } from "./rollout-watch.ts";
import { whoIsHere } from "./who-is-here.ts";

interface PlanFlags extends WaitFlags {
  readonly target?: string;
  readonly plan?: string;
  readonly canary?: string;
  readonly baseline?: string;
  readonly steps?: string;
  readonly hold?: string;
  readonly minRequests?: string;
  readonly successRate?: string;
  readonly latency?: string;
}

interface StartFlags extends PlanFlags {
  readonly target: string;
  readonly idempotencyKey?: string;
  readonly reason?: string;
  readonly wait?: boolean;
}

export function planRolloutCommand(): Command {
  const plan = planning(new Command("plan").description("what a plan would do, step by step; nothing is changed"))
    .option("--target <name>", "what is rolled out: when its rollout is on already, start attaches to it")
    .addOption(new Option("-o, --output <format>", "text, md or json").choices(["text", "md", "json"]).default("text"));
  return addServer(plan).action(async (split: string, flags: PlanFlags, command: Command) => {
    const read = planOf(split, flags, command);
    const body = { plan: read.plan, ...defined({ target: flags.target }) };
    const answer = await post(flags, command, "/v1/rollout-plan", { body });
    if (answer.status !== 200) return tellWrong(read, flags, answer);
    const isMarkdown = flags.output === "md";
    const title = isMarkdown ? `### Rollout of \`${split}\`\n\n` : "";
    const isJson = flags.output === "json";
    print(isJson ? JSON.stringify(answer.body, undefined, 2) : title + planText(answer.body as Planned, isMarkdown));
  });
}

interface Planned {
  readonly steps: readonly string[];
  /** Absent from an older server. */
  readonly terms?: readonly string[];
  readonly warnings: readonly string[];
  readonly attachesTo?: RolloutJson;
}

function planText({ steps, terms = [], warnings, attachesTo }: Planned, isMarkdown: boolean): string {
  const numbered = steps.map((step, index) => `${index + 1}. ${step}`);
  const told = terms.map((text) => `${isMarkdown ? "- " : ""}${text}`);
  const mark = isMarkdown ? "> **Warning:** " : "warning: ";
  const parts = [numbered.join("\n"), told.join("\n"), ...warnings.map((text) => mark + text)];
  if (attachesTo !== undefined) {
    const { id, startedBy } = attachesTo;
    const sentence = attachesTo.sentence.replace(/\.?$/, ".");
    parts.push(`${id} is on with this plan and target, started by ${startedBy}, and start attaches to it: ${sentence}`);
  }
  return parts.filter((text) => text !== "").join("\n\n");
}

export function startRolloutCommand(): Command {
  const start = planning(new Command("start").description("start a rollout, or attach to the same one that is on"))
    .requiredOption("--target <name>", "what is rolled out, such as a version or a commit")
    .option("--idempotency-key <key>", "of this job: run again with it, it starts nothing anew")
    .option("--reason <text>", "why; it is kept with the rollout")
    .option("--actor <name>", "who; the user of this machine when absent")
    .option("--wait", "until it is over, or somebody has to decide");
  return waiting(following(start)).action(async (split: string, flags: StartFlags, command: Command) => {
    const isTimed = command.getOptionValueSource("timeout") === "cli" || flags.onInterrupt !== undefined;
    if (isTimed && flags.wait !== true) {
      return command.error("error: --timeout and --on-interrupt are of a wait; write --wait as well", {
        exitCode: exitCodes.usage,
      });
    }
    if (flags.output === "jsonl" && flags.wait !== true) {
      return command.error("error: -o jsonl tells what is seen while it waits; write --wait as well, or -o json", {
        exitCode: exitCodes.usage,
      });
    }
    await begin(planOf(split, flags, command), flags, command);
  });
}

async function begin(read: ReadPlan, flags: StartFlags, command: Command): Promise<void> {
  const { target, reason, idempotencyKey } = flags;
  const timeoutMs = timeoutOf(flags, command);
  // What is asked to be taken back is also when Ctrl-C comes while the server begins it.
  using early = flags.onInterrupt === undefined ? undefined : heedInterrupt();
  const answer = await post(flags, command, "/v1/rollouts", {
    body: { plan: read.plan, target, reason, actor: flags.actor ?? whoIsHere() },
    ...(idempotencyKey === undefined ? {} : { headers: { "idempotency-key": idempotencyKey } }),
  });
  if (answer.status !== 200 && answer.status !== 201) return tellWrong(read, flags, answer);
  const rollout = answer.body as RolloutJson;
  if (answer.status === 200) tell(`fairway: ${rollout.id} was started before, by ${rollout.startedBy}`);
  if (flags.wait !== true) return tellRollout(flags, rollout);
  using interrupt = early ?? heedInterrupt();
  await waitFor(rollout, flags, { timeoutMs, signal: interrupt.signal });
}

/** One step that moves nothing: what the canary does at the weights that it has. */
export function analyzeRolloutCommand(): Command {
  const analyze = new Command("analyze")
    .description("judge a canary at the weights that it has; nothing is promoted")
    .argument("<split>", "the split")
    .option("--target <name>", "what is judged, such as a version or a commit", "analysis")
    .option("--reason <text>", "why; it is kept with the rollout")
    .option("--actor <name>", "who; the user of this machine when absent");
  return waiting(following(measuring(analyze))).action(async (split: string, flags: StartFlags, command: Command) => {
    const gates = gatesOfFlags(flags);
    if (!gates.ok) return command.error(`error: ${gates.error}`, { exitCode: exitCodes.usage });
    const { hold, canary, baseline } = flags;
    const steps = [{ pinned: true, ...defined({ hold }) }];
    const plan = { split, ...defined({ canary, baseline }), steps, gates: gates.value, promote: false };
    return begin({ plan, file: undefined }, { ...flags, wait: true }, command);
  });
}

function planning(command: Command): Command {
  const planned = command
    .argument("<split>", "the split whose weights are moved")
    .option("--plan <file>", "the plan, YAML or JSON; the flags below are for those without one")
    .option("--steps <percents>", "weights of the canary, such as 5,25,50");
  return measuring(planned);
}

function measuring(command: Command): Command {
  return command
    .option("--canary <backend>", "the backend that is new")
    .option("--baseline <backend>", "the one that it is compared with")
    .option("--hold <duration>", "how long each step is measured at least")
    .option("--min-requests <number>", "how many requests the canary must have had in each step")
    .option("--success-rate <percent>", "the promised share of requests without an error, such as 99.9")
    .option("--latency <duration>", "slower answers than this count as slow");
}

/** What was asked for, and how to show what is wrong with it. */
interface ReadPlan {
  readonly plan: object;
  readonly file: PlanFile | undefined;
}

function planOf(split: string, flags: PlanFlags, command: Command): ReadPlan {
  const read = flags.plan === undefined ? planOfFlags(split, flags) : planOfFile(split, flags.plan, flags);
  return read.ok ? read.value : command.error(`error: ${read.error}`, { exitCode: exitCodes.usage });
}

function planOfFile(split: string, path: string, flags: PlanFlags): Result<ReadPlan, string> {
  const beside = [
    flags.canary,
    flags.baseline,
    flags.steps,
    flags.hold,
    flags.minRequests,
    flags.successRate,
    flags.latency,
  ];
  if (beside.some((flag) => flag !== undefined))
    return err("--plan says it all: leave out the flags for a plan beside it");
  const file = readPlanFile(path);
  if (!file.ok) return file;
  const { split: named } = file.value.plan;
  if (named !== undefined && named !== split)
    return err(`${path} is a plan for the split ${JSON.stringify(named)}, not for ${split}`);
  return ok({ plan: { ...file.value.plan, split }, file: file.value });
}

function planOfFlags(split: string, flags: PlanFlags): Result<ReadPlan, string> {
  const { canary, baseline, steps, hold } = flags;
  if (steps === undefined) return err("say what to do: --plan FILE, or --steps 5,25,50");
  const weights = steps.split(",").map(Number);
  if (!weights.every(Number.isFinite)) return err(`--steps "${steps}": write percents with commas, such as 5,25,50`);
  const gates = gatesOfFlags(flags);
  if (!gates.ok) return gates;
  const plan = {
    split,
    ...defined({ canary, baseline }),
    steps: weights.map((weight) => ({ weight, ...(hold === undefined ? {} : { hold }) })),
    gates: gates.value,
  };
  return ok({ plan, file: undefined });
}

function gatesOfFlags({ minRequests, successRate, latency }: PlanFlags): Result<object, string> {
  const numbers = { minRequests: Number(minRequests ?? 0), successRate: Number(successRate ?? 0) };
  if (!Object.values(numbers).every(Number.isFinite)) return err("--min-requests and --success-rate are numbers");
  return ok({
    ...(minRequests === undefined ? {} : { minRequests: numbers.minRequests }),
    ...(successRate === undefined ? {} : { successRate: { objective: numbers.successRate } }),
    ...(latency === undefined ? {} : { latency: { threshold: latency } }),
  });
}

async function post(
  flags: WaitFlags,
  command: Command,
  path: string,
  { body, headers = {} }: { readonly body: object; readonly headers?: Readonly<Record<string, string>> },
): Promise<ServerAnswer> {
  const wrong = addressProblem(flags.server);
  if (wrong !== undefined) return command.error(`error: ${wrong}`, { exitCode: exitCodes.usage });
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return askServer(flags.server, path, init);
}

/** What is wrong with a plan is told at its lines. */
function tellWrong({ file }: ReadPlan, flags: WaitFlags, answer: ServerAnswer): void {
  const { problems } = (answer.body ?? {}) as { readonly problems?: readonly string[] };
  if (problems === undefined || file === undefined) return tellRefusal(flags, answer, "nothing is changed: ");
  for (const drawn of file.draw(problems, wantsColour(process.stderr))) tell(drawn);
  process.exitCode = exitCodes.usage;
}
