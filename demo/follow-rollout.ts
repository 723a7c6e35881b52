/**
 * A rollout as a CI job drives it: the command and its exit code, and between them what becomes of each step.
 *
 * The command is `fairway rollout start … --wait` as anybody runs it. Beside it the admin API is asked how far it is, so
 * that each step is shown once it is acknowledged, and once it is judged.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { RolloutJson } from "../src/admin/rollout-schema.ts";
import { Child } from "./kit/child.ts";
import type { CanaryStage } from "./canary-stage.ts";
import { wrapped, type Terminal } from "./terminal.ts";
import { fairwayMain } from "./kit/program.ts";

const LOOK_EVERY_MS = 100;

/** A step is its weight and what is told of it, indented beside. */
const WEIGHT_WIDTH = 8;
const INDENT = 3 + WEIGHT_WIDTH;

/** What a job would see. */
interface Followed {
  readonly exitCode: number | null;
  /** As it was when the command had ended. */
  readonly rollout: RolloutJson;
}

/** Runs `fairway rollout start` with these arguments to its end and shows what happens; `onLive` gets what it does now. */
export async function followRollout(
  stage: CanaryStage,
  args: readonly string[],
  show: { readonly terminal: Terminal; readonly target: string; readonly onLive: (text: string) => void },
): Promise<Followed> {
  const { terminal, target } = show;
  terminal.print(`   $ fairway ${args.join(" ")}`);
  const command = await startCommand(stage, args);
  const told = new Set<string>();
  let rollout: RolloutJson | undefined;
  const look = async (): Promise<void> => {
    const { rollouts } = await stage.fairway.get<{ readonly rollouts: readonly RolloutJson[] }>("/v1/rollouts");
    rollout = rollouts.find((each) => each.target === target);
    if (rollout === undefined) return;
    showSteps(terminal, rollout, told);
    show.onLive(`${rollout.id}: ${rollout.phase}, ${rollout.canary} at ${rollout.weight} %`);
  };
  while (command.exit === undefined) {
    await look();
    await pause(LOOK_EVERY_MS);
  }
  await look();
  const { code } = await command.exited;
  if (rollout === undefined) throw command.failure("began no rollout");
  return { exitCode: code, rollout };
}

/** Runs a command of Fairway as a job would and writes its stdout to `file`. */
export async function writeOutput(stage: CanaryStage, args: readonly string[], file: string): Promise<void> {
  const command = await startCommand(stage, args, file);
  const { code } = await command.exited;
  if (code !== 0) throw command.failure("failed");
}

/** With its server in the environment, as a job has it. */
function startCommand({ root, fairway }: CanaryStage, args: readonly string[], file?: string): Promise<Child> {
  const [node, program] = [process.execPath, [fairwayMain, ...args]];
  return Child.start({
    name: `fairway ${args.slice(0, 2).join(" ")}`,
    ...(file === undefined
      ? { command: node, args: program }
      : { command: "sh", args: ["-c", 'exec "$@" > "$0"', file, node, ...program] }),
    cwd: root,
    env: { ...process.env, FAIRWAY_SERVER: `http://127.0.0.1:${fairway.adminPort}` },
  });
}

/** Each step has two things to tell; each is told once, in order. */
function showSteps(terminal: Terminal, { steps, canary, target }: RolloutJson, told: Set<string>): void {
  for (const [index, step] of steps.entries()) {
    const once = (what: string, print: () => void): void => {
      if (told.has(`${index} ${what}`)) return;
      told.add(`${index} ${what}`);
      print();
    };
    const { convergedAt, measuredFrom, endedAt } = step;
    if (convergedAt !== undefined) {
      once("acknowledged", () => {
        const since = step.kind === "rollback" ? " after the decision" : "";
        const took = `${msBetween(step.startedAt, convergedAt)} ms${since}`;
        const weight = terminal.paint("strong", `${step.weight} %`.padEnd(WEIGHT_WIDTH));
        terminal.print(`   ${weight}acknowledged by all ${step.nodesCount} Envoys in ${took}`);
      });
    }
    if (endedAt === undefined || step.kind === "rollback") continue;
    once("judged", () => {
      if (measuredFrom !== undefined) {
        const { completed, errors } = step.canary;
        const all = completed + step.baseline.completed;
        const seconds = (msBetween(measuredFrom, endedAt) / 1_000).toFixed(1);
        const counts = `${canary} (${target}) had ${count(completed)} of ${count(all)} requests, ${count(errors)} errors`;
        terminal.print(`${" ".repeat(INDENT)}measured for ${seconds} s: ${counts}`);
      }
      showSentence(terminal, step);
    });
  }
}

function showSentence(terminal: Terminal, { result = "ended", sentence = "" }: RolloutJson["steps"][number]): void {
  const painted = terminal.paint(result === "passed" ? "good" : "bad", result);
  const [first = "", ...rest] = wrapped(`${result}: ${sentence}`, INDENT);
  const lines = [painted + first.slice(result.length), ...rest];
  for (const line of lines) terminal.print(" ".repeat(INDENT) + line);
}

function msBetween(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
