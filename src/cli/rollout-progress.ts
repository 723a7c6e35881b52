/**
 * What is told of a rollout while somebody waits: sentences on stderr, or with `-o jsonl` objects on stdout, one a line.
 */
import type { RolloutJson } from "../admin/rollout-schema.ts";
import { progressLine } from "./draw-rollouts.ts";

/** How a wait tells of what it sees. */
export interface RolloutProgress {
  /** It may be the same as before. */
  changed(rollout: RolloutJson): void;
  /** The server does not answer, or the wait ends without the rollout. */
  said(what: RolloutEventJson["what"], text: string, rollout: RolloutJson): void;
}

/** One line of `-o jsonl`; the keys stay, others may come. */
export interface RolloutEventJson {
  /** When it was, as the server says it; of what the server does not know, when it was seen. */
  readonly time: string;
  readonly rollout: string;
  readonly split: string;
  readonly phase: RolloutJson["phase"];
  /** From 1 on. */
  readonly step: number;
  readonly stepsCount: number;
  /** The canary's, in percent. */
  readonly weight: number;
  /** phase: another one; step: the next one; verdict: another one; waits: for something else; the rest is of the wait. */
  readonly what: "phase" | "step" | "verdict" | "waits" | "server-away" | "timeout" | "interrupted";
  /** In a sentence. */
  readonly reason: string;
}

/** Where only figures change and time passes, a line comes after this, and then ever less often. */
const SAME_EACH_MS = 10_000;
const SAME_EACH_MS_MAX = 60_000;

/** A line at once for what is another phase, step or finding, and now and then one for how it goes. */
export function textProgress(tell: (line: string) => void, nowMs: () => number): RolloutProgress {
  let told = { line: "", what: "" };
  let [pauseMs, nextMs] = [SAME_EACH_MS, 0];
  return {
    changed(rollout) {
      const { id, phase, step, waitsFor, verdict } = rollout;
      const line = progressLine(rollout);
      const what = JSON.stringify([id, phase, step, waitsFor, verdict?.kind, verdict?.reason]);
      const isSame = what === told.what;
      if (line === told.line || (isSame && nowMs() < nextMs)) return;
      pauseMs = isSame ? Math.min(2 * pauseMs, SAME_EACH_MS_MAX) : SAME_EACH_MS;
      nextMs = nowMs() + pauseMs;
      told = { line, what };
      tell(line);
    },
    said: (_what, text) => tell(text),
  };
}

export function jsonProgress(write: (line: string) => void, nowMs: () => number): RolloutProgress {
  let before: RolloutJson | undefined;
  const now = () => new Date(nowMs()).toISOString();
  const event = (rollout: RolloutJson, rest: Pick<RolloutEventJson, "time" | "what" | "reason">) => {
    const { id, split, phase, step, stepsCount, weight } = rollout;
    const { time, ...what } = rest;
    const line: RolloutEventJson = { time, rollout: id, split, phase, step, stepsCount, weight, ...what };
    write(JSON.stringify(line));
  };
  return {
    changed(rollout) {
      const what = whatChanged(before, rollout);
      before = rollout;
      if (what !== undefined) event(rollout, { time: timeOf(what, rollout) ?? now(), what, reason: rollout.sentence });
    },
    said: (what, reason, rollout) => event(rollout, { time: now(), what, reason }),
  };
}

/** Undefined when nothing of it is worth a line. */
function whatChanged(before: RolloutJson | undefined, after: RolloutJson): RolloutEventJson["what"] | undefined {
  if (before === undefined) return "phase";
  if (before.id === after.id && before.revision === after.revision) return undefined;
  if (before.steps.length !== after.steps.length || before.step !== after.step) return "step";
  if (before.phase !== after.phase || before.since !== after.since) return "phase";
  const [old, now] = [before.verdict, after.verdict];
  if (old?.kind !== now?.kind || old?.sentence !== now?.sentence) return "verdict";
  return before.waitsFor === after.waitsFor ? undefined : "waits";
}

function timeOf(what: RolloutEventJson["what"], rollout: RolloutJson): string | undefined {
  if (what === "verdict") return rollout.verdict?.at;
  if (what === "step") return rollout.steps.at(-1)?.startedAt ?? rollout.since;
  return what === "phase" ? rollout.since : undefined;
}
