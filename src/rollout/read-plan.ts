/**
 * A plan as people write it, read against the split that it moves: with its defaults, or everything that is wrong with it,
 * each with its place (`steps[2].weight`).
 */
import { z } from "zod";
import { latencyEdgesMs } from "../evidence/latency-ladder.ts";
import { closestName } from "../model/closest-name.ts";
import { durationMs, positiveDurationPattern } from "../model/duration.ts";
import type { Split } from "../model/intent-split.ts";
import { WHOLE, percentText } from "../model/live-weights.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { Gates, MetricGate } from "./gates.ts";
import { STALE_MS_PROMETHEUS, evidenceSchema, prometheusOf, wrongEvidence } from "./read-evidence.ts";
import { defaultGates, defaultMetricGate } from "./gates.ts";
import type { PlanStep, RolloutPlan, WeightStep } from "./rollout-plan.ts";
import { defaultFleetTerms, HOLD_FACTOR_MAX, HOLD_MS_DEFAULT, isMeasured, WEBHOOK_MS_DEFAULT } from "./rollout-plan.ts";
import { planProblems, wordsOfIssue } from "./plan-words.ts";
import { sharesFor } from "./set-weights.ts";
import type { Shares } from "./split-document.ts";
import type { SplitCopying } from "./split-standing.ts";

const STEPS_MAX = 50;
const HOUR_MS = 3_600_000;

const duration = (maxMs: number) =>
  z
    .string("is not a duration; write 30s, 5m or 1h")
    .regex(positiveDurationPattern, "is not a duration; write 30s, 5m or 1h")
    .transform(durationMs)
    .refine((ms) => ms <= maxMs, `is longer than ${maxMs / HOUR_MS} h`);

const measured = {
  hold: duration(24 * HOUR_MS).optional(),
  maxHold: duration(7 * 24 * HOUR_MS).optional(),
  minRequests: z.int().min(0).max(1e9).optional(),
};

const stepSchema = z.union([
  z.strictObject({ weight: z.number().min(0.01).max(100), ...measured }),
  z.strictObject({ pinned: z.literal(true), ...measured }),
  z.strictObject({
    mirror: z
      .number()
      .min(0.01, "mirrors nothing; write the percent of the requests that are copied, from 0.01 on")
      .max(100, "is more than all requests; write at most 100"),
    ...measured,
  }),
  z.strictObject({ approval: z.literal(true) }),
  z.strictObject({
    webhook: z.strictObject({
      url: z.url({ protocol: /^https?$/, error: "is no http:// or https:// address" }).max(2_000),
      timeout: duration(300_000).optional(),
    }),
  }),
]);

const stepKinds: readonly string[] = ["weight", "pinned", "mirror", "approval", "webhook"];

type WrittenStep = z.infer<typeof stepSchema>;

const metric = {
  objective: z
    .number()
    .gt(1, "is in percent: write 99.9 for 0.999")
    .lt(100, "leaves no room for a single failure; write less than 100")
    .describe("The share of good requests in percent, such as 99.9")
    .optional(),
  tolerate: z.number().min(1).max(10).describe("So many times the baseline's bad share are as good").optional(),
};

const planSchema = z.strictObject({
  split: z.string(),
  canary: z.string().optional(),
  baseline: z.string().optional(),
  steps: z.array(stepSchema).min(1, "has no step").max(STEPS_MAX),
  promote: z.boolean().optional(),
  gates: z
    .strictObject({
      successRate: z.strictObject(metric).optional(),
      latency: z.strictObject({ threshold: duration(HOUR_MS), ...metric }).optional(),
      minRequests: z.int().min(0).max(1e9).optional(),
      requireProof: z.boolean().optional(),
      staleAfter: duration(HOUR_MS).optional(),
    })
    .optional(),
  evidence: evidenceSchema.optional(),
  fleet: z
    .strictObject({
      ackTimeout: duration(HOUR_MS).optional(),
      onLaggard: z.enum(["rollback", "pause"]).optional(),
      settle: duration(600_000).optional(),
      healthyHosts: z.int().min(0).max(100_000).optional(),
    })
    .optional(),
  onFail: z.enum(["rollback", "pause"]).optional(),
  onInconclusive: z.enum(["pause", "rollback"]).optional(),
});

type WrittenPlan = z.infer<typeof planSchema>;

const namesSchema = z.looseObject({ canary: z.string().optional(), baseline: z.string().optional() });

/** All that a plan can have, wherever. */
const knownKeys: readonly string[] = [
  ...Object.keys(planSchema.shape),
  ...Object.keys(planSchema.shape.gates.unwrap().shape),
  ...Object.keys(planSchema.shape.fleet.unwrap().shape),
  ...["threshold", ...Object.keys(metric)],
  ...[...stepKinds, ...Object.keys(measured), "url", "timeout"],
];

/** The name of the split in a plan that may be wrong otherwise; undefined when it has none. */
export function splitOfPlan(written: unknown): string | undefined {
  const named = z.looseObject({ split: z.string() }).safeParse(written);
  return named.success ? named.data.split : undefined;
}

/** `shares` are those in force, where the rollout begins; `copying` is of the routes as they are. */
export function readPlan(
  written: unknown,
  split: Split,
  now: { readonly shares: Shares; readonly copying: SplitCopying },
): Result<RolloutPlan, readonly string[]> {
  const read = readWords(written, split);
  if (!read.ok) return read;
  const { plan, problems } = read.value;
  const all = [...problems, ...planProblemsNow(plan, split, now)];
  return all.length === 0 ? ok(plan) : err(all);
}

/** The same without a look at where the weights are: what is wrong with the plan wherever they are when it begins. */
export function readPlanAlone(written: unknown, split: Split): Result<RolloutPlan, readonly string[]> {
  const read = readWords(written, split);
  if (!read.ok) return read;
  const { plan, problems } = read.value;
  const first = plan.steps.find((step) => step.kind === "weight")?.share ?? 0;
  const begins = { [plan.canary]: first, [plan.baseline]: WHOLE - first };
  const all = [...problems, ...wrongEvidence(plan, split), ...wrongSteps(plan, split, begins)];
  return all.length === 0 ? ok(plan) : err(all);
}

/** The plan as it would be kept, whatever is wrong with it now; undefined when it cannot be read. */
export function planOfWords(written: unknown, split: Split): RolloutPlan | undefined {
  const read = readWords(written, split);
  return read.ok ? read.value.plan : undefined;
}

/** What keeps a plan that was read before from being started now: the split is another one, or its weights are. */
export function planProblemsNow(
  plan: RolloutPlan,
  split: Split,
  now: { readonly shares: Shares; readonly copying: SplitCopying },
): readonly string[] {
  const { canary, baseline } = plan;
  const names = backendsOf({ canary, baseline }, split);
  if (!names.ok) return names.error;
  return [...wrongEvidence(plan, split), ...wrongSteps(plan, split, now.shares), ...wrongMirrors(plan, split, now)];
}

/** With its defaults; `problems` are of what no default helps. */
function readWords(
  written: unknown,
  split: Split,
): Result<{ readonly plan: RolloutPlan; readonly problems: readonly string[] }, readonly string[]> {
  const read = planSchema.safeParse(written, { error: wordsOfIssue });
  const named = namesSchema.safeParse(written);
  const names = backendsOf(named.success ? named.data : {}, split);
  if (!read.success) {
    // What is wrong within a step is told by its kind.
    const others = read.error.issues.filter(({ path }) => path[0] !== "steps" || path.length === 1);
    const problems = [...planProblems(others, knownKeys), ...wrongKindsOfSteps(written)];
    return err([...problems, ...(named.success && !names.ok ? names.error : [])]);
  }
  return names.ok ? ok(withDefaults(read.data, names.value)) : names;
}

/** A union tells nothing of use when no member fits. */
function wrongKindsOfSteps(written: unknown): readonly string[] {
  const steps = z.looseObject({ steps: z.array(z.unknown()) }).safeParse(written);
  if (!steps.success) return [];
  return steps.data.steps.flatMap((step, index) => {
    const keys = typeof step === "object" && step !== null ? Object.keys(step) : [];
    const kinds = keys.filter((key) => stepKinds.includes(key));
    if (kinds.length === 1) return stepIssues(step, kinds[0] ?? "", index);
    const what = kinds.length === 0 ? "is none of" : "is more than one of";
    return [`steps[${index}]: ${what} weight, pinned, mirror, approval and webhook`];
  });
}

function stepIssues(step: unknown, kind: string, index: number): readonly string[] {
  const schema = stepSchema.options.find((option) => kind in option.shape);
  const read = schema?.safeParse(step, { error: wordsOfIssue });
  return read?.success === false ? planProblems(read.error.issues, knownKeys, ["steps", index]) : [];
}

function backendsOf(
  { canary, baseline }: z.infer<typeof namesSchema>,
  split: Split,
): Result<{ readonly canary: string; readonly baseline: string }, readonly string[]> {
  const names = split.backends.map(({ name }) => name);
  for (const [place, name] of [
    ["canary", canary],
    ["baseline", baseline],
  ] as const) {
    if (name === undefined || names.includes(name)) continue;
    const near = closestName(name, names);
    return err([
      `${place}: split \`${split.name}\` has no backend \`${name}\`: ${near === undefined ? `it has ${names.join(", ")}` : `did you mean \`${near}\`?`}`,
    ]);
  }
  const wanted = canary ?? names.find((name) => name === "canary" && name !== baseline);
  if (wanted === undefined) return err([`canary: say which backend is new: ${names.join(", ")}`]);
  const others = names.filter((name) => name !== wanted);
  const compared = baseline ?? (others.length === 1 ? others[0] : undefined);
  if (compared === undefined) return err([`baseline: say which backend it is compared with: ${others.join(", ")}`]);
  if (compared === wanted) return err([`baseline: \`${compared}\` is the canary itself`]);
  return ok({ canary: wanted, baseline: compared });
}

function withDefaults(
  written: WrittenPlan,
  names: { readonly canary: string; readonly baseline: string },
): { readonly plan: RolloutPlan; readonly problems: readonly string[] } {
  const evidence = written.evidence === undefined ? undefined : prometheusOf(written.evidence);
  const { gates, problems } = gatesOf(written.gates ?? {}, evidence !== undefined);
  const { ackTimeout, onLaggard, settle, healthyHosts } = written.fleet ?? {};
  const plan: RolloutPlan = {
    split: written.split,
    ...names,
    steps: written.steps.map((step) => stepOf(step, gates.requestsMin)),
    ...(written.promote === false ? { promote: false } : {}),
    gates,
    ...(evidence === undefined ? {} : { evidence }),
    fleet: {
      ackTimeoutMs: ackTimeout ?? defaultFleetTerms.ackTimeoutMs,
      onLaggard: onLaggard ?? defaultFleetTerms.onLaggard,
      settleMs: settle ?? defaultFleetTerms.settleMs,
      healthyHostsMin: healthyHosts ?? defaultFleetTerms.healthyHostsMin,
    },
    onFail: written.onFail ?? "rollback",
    onInconclusive: written.onInconclusive ?? "pause",
  };
  return { plan, problems };
}

function gatesOf(
  written: NonNullable<WrittenPlan["gates"]>,
  byPrometheus: boolean,
): {
  readonly gates: Gates;
  readonly problems: readonly string[];
} {
  const { successRate = {}, latency, minRequests, requireProof, staleAfter } = written;
  const gates: Gates = {
    errors: metricGate(successRate),
    ...(latency === undefined ? {} : { slow: { ...metricGate(latency), thresholdMs: latency.threshold } }),
    requestsMin: minRequests ?? defaultGates.requestsMin,
    requireProof: requireProof ?? defaultGates.requireProof,
    staleAfterMs: staleAfter ?? (byPrometheus ? STALE_MS_PROMETHEUS : defaultGates.staleAfterMs),
  };
  const threshold = latency?.threshold;
  // What steps the Envoys of others count in is seen when it is asked.
  if (threshold === undefined || byPrometheus || latencyEdgesMs.includes(threshold)) return { gates, problems: [] };
  const near = [
    latencyEdgesMs.findLast((edge) => edge < threshold),
    latencyEdgesMs.find((edge) => edge > threshold),
  ].filter((edge) => edge !== undefined);
  const message = `Envoys count times in fixed steps, and none ends at ${threshold} ms; the nearest are ${near.map((edge) => `${edge} ms`).join(" and ")}`;
  return { gates, problems: [`gates.latency.threshold: ${message}`] };
}

function metricGate({
  objective,
  tolerate,
}: {
  readonly objective?: number | undefined;
  readonly tolerate?: number | undefined;
}): MetricGate {
  const toleratedRatio = tolerate ?? defaultMetricGate.toleratedRatio;
  return {
    ...(objective === undefined ? {} : { objective: Number((objective / 100).toFixed(8)) }),
    toleratedRatio,
    safeRatio: Math.max(defaultMetricGate.safeRatio, toleratedRatio * 1.6),
  };
}

function stepOf(step: WrittenStep, requestsMin: number): PlanStep {
  if ("approval" in step) return { kind: "approval" };
  if ("webhook" in step) {
    return { kind: "webhook", url: step.webhook.url, timeoutMs: step.webhook.timeout ?? WEBHOOK_MS_DEFAULT };
  }
  const holdMs = step.hold ?? HOLD_MS_DEFAULT;
  const terms: Omit<WeightStep, "kind" | "share"> = {
    holdMs,
    holdMsMax: step.maxHold ?? holdMs * HOLD_FACTOR_MAX,
    requestsMin: step.minRequests ?? requestsMin,
  };
  if ("pinned" in step) return { kind: "pinned", ...terms };
  if ("mirror" in step) return { kind: "mirror", mirrorShare: Math.round(step.mirror * 100), ...terms };
  return { kind: "weight", share: Math.round(step.weight * 100), ...terms };
}

function wrongSteps(plan: RolloutPlan, split: Split, now: Shares): readonly string[] {
  const problems: string[] = [];
  const others = Object.entries(now).filter(
    ([name, share]) => share > 0 && ![plan.canary, plan.baseline].includes(name),
  );
  for (const [name, share] of others) {
    problems.push(`split: \`${name}\` has ${percentText(share)}; a rollout moves requests between two backends only`);
  }
  let before = now;
  plan.steps.forEach((step, index) => {
    const place = `steps[${index}]`;
    if (isMeasured(step) && step.holdMsMax < step.holdMs) {
      problems.push(`${place}.maxHold: is shorter than the step's hold of ${step.holdMs / 1_000} s`);
    }
    if (step.kind !== "weight") return;
    before = checkWeight(step.share, before, `${place}.weight`);
  });
  if (plan.promote !== false)
    checkWeight(WHOLE, before, `steps[${plan.steps.length - 1}]`, "the promotion after the last step: ");
  return problems;

  function checkWeight(share: number, from: Shares, place: string, what = ""): Shares {
    const has = from[plan.canary] ?? 0;
    if (share < has) {
      problems.push(`${place}: ${percentText(share)} would be a step backwards from ${percentText(has)}${whyAll(has)}`);
      return from;
    }
    const allowed = sharesFor(split, { [plan.canary]: share / 100, [plan.baseline]: (WHOLE - share) / 100 }, from);
    const wayOut = what === "" ? "" : "; with `promote: false` the weights stay after the last step";
    if (!allowed.ok) problems.push(`${place}: ${what}${allowed.error.message}${wayOut}`);
    return { ...from, [plan.canary]: share, [plan.baseline]: WHOLE - share };
  }
}

/** The most common reason: the release before was promoted. */
function whyAll(has: number): string {
  if (has < WHOLE) return "";
  return "; it has everything since the release before, so exchange `canary` and `baseline`, or give the other backend that version and reset the split first";
}

/** Steps that mirror where that is impossible, or where it would not be known what is counted. */
function wrongMirrors(
  { steps, canary, split: name }: RolloutPlan,
  split: Split,
  { shares, copying }: { readonly shares: Shares; readonly copying: SplitCopying },
): readonly string[] {
  const mirroredAt = copying.mirroredAt[canary];
  let share = shares[canary] ?? 0;
  return steps.flatMap((step, index): readonly string[] => {
    if (step.kind === "weight") share = step.share;
    if (step.kind !== "mirror") return [];
    const why = !copying.isPossible
      ? `no rule of \`routes\` shares requests by split \`${name}\` (${split.at.file}:${split.at.line}), and only requests can be copied`
      : mirroredAt !== undefined
        ? `a rule mirrors requests to ${canary} already (${mirroredAt.file}:${mirroredAt.line}), and both would be counted as one; take its filter out, or leave this step out`
        : share > 0
          ? `${canary} has ${percentText(share)} of the requests by then, and would get copies of those that it answers itself; mirror before it has any`
          : undefined;
    return why === undefined ? [] : [`steps[${index}].mirror: ${why}`];
  });
}
