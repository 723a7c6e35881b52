/**
 * A verdict in one sentence, for whoever is woken by it: first what happens to requests, in percent of so many, then what
 * follows from it.
 */
import { unreachable } from "../support/assert.ts";
import type { MetricName } from "./canary-evidence.ts";
import type { Counts, Tally } from "./counts.ts";
import { shareOf } from "./counts.ts";
import type { Gates } from "./gates.ts";
import type { MetricFigures } from "./metric-figures.ts";
import { burstClause, requestsNeeded } from "./proof-size.ts";
import { WORSE_FACTORS } from "./sequential-test.ts";
import { showCount, showDuration, showPercent, showPromise, showTimes } from "./show-figures.ts";

/** What decided. */
export type Ground =
  | { readonly kind: "fail"; readonly reason: "rejected"; readonly rejection: string }
  | { readonly kind: "fail"; readonly reason: "fails-plainly"; readonly figures: MetricFigures; readonly looks: Tally }
  | { readonly kind: "fail"; readonly reason: "worse" | "burns-budget"; readonly figures: MetricFigures }
  | {
      readonly kind: "inconclusive";
      readonly reason: "no-data";
      readonly metric: MetricName;
      readonly silentMs: number | undefined;
    }
  | { readonly kind: "inconclusive"; readonly reason: "no-report-yet"; readonly metric: MetricName }
  | { readonly kind: "inconclusive"; readonly reason: "both-burn"; readonly figures: MetricFigures }
  | {
      readonly kind: "inconclusive";
      readonly reason: "doubtful";
      readonly figures: MetricFigures;
      /** When it is sure enough, and bad requests were seen in too few looks yet. */
      readonly looks: { readonly seen: number; readonly asked: number } | undefined;
    }
  | {
      readonly kind: "inconclusive";
      readonly reason: "not-proved";
      readonly figures: MetricFigures;
      /** How many bad requests one cause makes; see `overdispersionOf`. */
      readonly burst: number;
    }
  | { readonly kind: "inconclusive"; readonly reason: "step-not-over"; readonly leftMs: number }
  | { readonly kind: "inconclusive"; readonly reason: "too-few-requests"; readonly requests: number }
  | { readonly kind: "pass"; readonly reason: "proved" | "nothing-against" };

/** What the verdict needs beside the evidence. */
export interface Moment {
  readonly nowMs: number;
  readonly stepEndsAtMs: number;
  /** Since when the step is measured: what was reported before that is of other weights. */
  readonly measuredFromMs?: number;
  /** How news come, such as "Envoys report every 5 s". */
  readonly newsCome?: string;
  /** What Envoys said when they refused the configuration of this step. */
  readonly rejection?: string;
  readonly names: { readonly canary: string; readonly baseline: string };
  /** The step was measured before, and asks for its requests once more. */
  readonly isAnew?: boolean;
  /** What the canary had are copies of requests. */
  readonly ofCopies?: boolean;
}

/** What a sentence is about. */
interface Subject {
  readonly metrics: readonly MetricFigures[];
  readonly gates: Gates;
  readonly moment: Moment;
}

/** The sentence, with its full stop. */
export function sentenceFor(ground: Ground, subject: Subject): string {
  const { canary, baseline } = subject.moment.names;
  switch (ground.reason) {
    case "rejected":
      return `Envoys refused the configuration of ${canary}: ${ground.rejection}`;
    case "fails-plainly": {
      const { looks } = ground;
      return `${share(looks, ground.figures, subject)}, in two looks one after the other.`;
    }
    case "worse":
      return `${share(ground.figures, ground.figures, subject)}: ${odds(ground.figures, subject)}.`;
    case "burns-budget":
      return `${share(ground.figures, ground.figures, subject)}: ${spent(ground.figures)}.`;
    case "no-data":
      return ground.silentMs === undefined
        ? `Nothing is known of ${ground.metric === "slow" ? "how long requests take" : "errors"}, so ${canary} stays as it is.`
        : `Nothing was reported ${ground.metric === "slow" ? "of how long requests take " : ""}for ${showDuration(ground.silentMs)}, so ${canary} stays as it is.`;
    case "no-report-yet":
      return noReportYet(ground.metric, subject);
    case "both-burn":
      return `${share(ground.figures, ground.figures, subject)}: both are far from what is promised, so it is not ${canary} alone, and it stays as it is.`;
    case "doubtful":
      return `${share(ground.figures, ground.figures, subject)}: ${odds(ground.figures, subject)}, ${doubt(ground.looks)}.`;
    case "step-not-over":
      return subject.metrics.every((figures) => figures.canary.completed <= 0)
        ? `${canary} has had no ${requestsOf(subject)} yet, and this step takes another ${showDuration(ground.leftMs)}.`
        : `${all(subject)}: nothing speaks against ${canary} so far, and this step takes another ${showDuration(ground.leftMs)}.`;
    case "too-few-requests":
      return `${canary} has had ${showCount(ground.requests)} of the ${showCount(subject.gates.requestsMin)} ${requestsOf(subject)} that this step asks for${subject.moment.isAnew === true ? ", since it is measured anew" : ""}.`;
    case "not-proved":
      return `${share(ground.figures, ground.figures, subject)}: nothing speaks against ${canary}, but the requests are too few to show that it ${verbFor(ground.figures.name)} less than ${showTimes(ground.figures.gate.safeRatio)} as often as ${baseline}${orObjective(ground.figures, ground.burst)}${burstClause(ground.burst, baseline)}${waysOut(ground.burst, baseline)}.`;
    case "proved":
      return `${all(subject)}: ${subject.metrics.map((figures) => proof(figures, subject)).join("; ")}.`;
    case "nothing-against":
      return `${all(subject)}: nothing speaks against ${canary}, and no proof is asked for.`;
    default:
      return unreachable(ground);
  }
}

function noReportYet(metric: MetricName, { moment: { newsCome } }: Subject): string {
  const what = metric === "slow" ? "No report has said yet how long requests take" : "No report has come yet";
  const how = newsCome === undefined ? "the" : `${newsCome}, and the`;
  return `${what} in this step: ${how} first one only shows where counters stand.`;
}

/**
 * "v2 fails 4.9 % of its requests, v1 1.0 % (1,224 and 22,010 requests)". The share of v1 is that of the same times: each
 * look counts by the requests that v2 had in it.
 */
function share({ canary, baseline, expected }: Tally, { name }: Pick<MetricFigures, "name">, subject: Subject): string {
  const { names } = subject.moment;
  const both = expected.completed > 0;
  const requests = both
    ? `${showCount(canary.completed)} ${subject.moment.ofCopies === true ? "mirrored " : ""}and ${showCount(baseline.completed)} requests`
    : `${showCount(canary.completed)} ${requestsOf(subject)}`;
  const other = both ? `, ${names.baseline} ${percent(expected)}` : "";
  return `${names.canary} ${doing(name, percent(canary), subject)}${other} (${requests})`;
}

/** What both do, metric by metric. */
function all(subject: Subject): string {
  return subject.metrics.map((figures) => share(figures, figures, subject)).join("; ");
}

function doing(name: MetricName, percentage: string, subject: Subject): string {
  const requests = requestsOf(subject);
  if (name === "errors") return `fails ${percentage} of its ${requests}`;
  return `takes longer than ${showDuration(subject.gates.slow?.thresholdMs ?? 0)} for ${percentage} of its ${requests}`;
}

/** What the canary had. */
function requestsOf({ moment }: Subject): string {
  return moment.ofCopies === true ? "mirrored requests" : "requests";
}

function odds({ worse, gate, name }: MetricFigures, { moment: { names } }: Subject): string {
  const [least, most] = [Math.min(...WORSE_FACTORS), Math.max(...WORSE_FACTORS)].map((factor) =>
    showTimes(factor * gate.toleratedRatio, "bare"),
  );
  const verb = verbFor(name);
  const tolerated =
    gate.toleratedRatio === 1 ? "no more often" : `at most ${showPromise(gate.toleratedRatio - 1)} more often`;
  return `the data are ${showTimes(worse)} more likely if ${names.canary} ${verb} ${least} to ${most} times as often as ${names.baseline} than if it ${verb} ${tolerated}`;
}

function spent({ burn, gate, name }: MetricFigures): string {
  const [promise, bad] = name === "errors" ? ["succeed", "errors"] : ["be in time", "slow ones"];
  return `${showPromise(gate.objective ?? 1)} shall ${promise}, and in the last five minutes ${bad} came ${showTimes(burn?.long ?? 0)} as fast as that allows`;
}

function proof({ name, proof: by, safe, gate, canaryAtMost }: MetricFigures, { moment: { names } }: Subject): string {
  if (by === "objective") {
    return `${names.canary} ${name === "errors" ? "fails" : "is slow for"} at most ${showPercent(canaryAtMost)}, and ${showPromise(1 - (gate.objective ?? 1))} are allowed`;
  }
  const verb = verbFor(name);
  return `the data are ${showTimes(safe)} more likely if ${names.canary} ${verb} about as often as ${names.baseline} than if it ${verb} ${showTimes(gate.safeRatio)} as often`;
}

function doubt(looks: { readonly seen: number; readonly asked: number } | undefined): string {
  if (looks === undefined) return "too much to go on and too little to go back";
  const reports = looks.seen === 1 ? "one report" : `${looks.seen} reports`;
  return `which is enough to go back once it is seen in ${looks.asked} reports, and it was in ${reports} so far`;
}

function orObjective({ gate }: MetricFigures, burst: number): string {
  const requests = requestsNeeded(gate, burst);
  if (requests === undefined) return "";
  return `, or that it keeps ${showPromise(gate.objective ?? 1)}, which takes ${showCount(requests)} requests at least`;
}

/** The canary can do nothing about what the baseline did. */
function waysOut(burst: number, baseline: string): string {
  if (burst < 1.5) return "";
  return `; a longer \`maxHold\`, a start when ${baseline} has been even for three minutes, or \`requireProof: false\` are ways out`;
}

function verbFor(name: MetricName): string {
  return name === "errors" ? "fails" : "is slow";
}

function percent(counts: Counts): string {
  return showPercent(shareOf(counts));
}
