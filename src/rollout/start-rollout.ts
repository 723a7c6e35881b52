/**
 * A rollout that begins: what is kept of it before anything is done.
 */
import { createHash } from "node:crypto";
import { contentHash } from "../support/hash.ts";
import { withAudit } from "./change-record.ts";
import type { ConfigVersions } from "./config-versions.ts";
import { nothingCounted } from "./count-traffic.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import type { ChangedBy, Shares } from "./split-document.ts";

/** What it is begun with. */
export interface Started extends ChangedBy {
  readonly number: number;
  readonly target: string;
  readonly plan: RolloutPlan;
  /** Of what was asked for, see `hashOfAsked`. */
  readonly askedHash?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly nowMs: number;
  /** Of the split as it is now. */
  readonly shares: Shares;
  readonly splitNumber: number;
  /** Of the config that is served. */
  readonly versions?: ConfigVersions | undefined;
}

/** Its first phase waits for Envoys that report and see the canary healthy. */
export function startRollout({
  number,
  target,
  plan,
  askedHash,
  idempotencyKey,
  nowMs,
  ...of
}: Started): RolloutRecord {
  const record: RolloutRecord = {
    id: `${plan.split}-${number}`,
    number,
    target,
    plan,
    planHash: hashOfPlan(target, plan),
    askedHash,
    idempotencyKey,
    startedBy: of.actor,
    reason: of.reason,
    startedAtMs: nowMs,
    versionsBefore: of.versions,
    sharesBefore: of.shares,
    splitNumber: of.splitNumber,
    phase: { kind: "preflight", sinceMs: nowMs, waitsFor: "Envoys" },
    stepIndex: 0,
    steps: [],
    evidence: undefined,
    marks: {},
    totals: { canary: nothingCounted, baseline: nothingCounted },
    verdict: undefined,
    audit: [],
    outcome: undefined,
  };
  const text = `${target}${of.reason === undefined ? "" : `: ${of.reason}`}`;
  return withAudit(record, { atMs: nowMs, actor: of.actor, action: "start", text });
}

/** The same for the same plan to the same target, and for no other. */
export function hashOfPlan(target: string, plan: RolloutPlan): string {
  return createHash("sha256")
    .update(JSON.stringify([target, plan]))
    .digest("hex")
    .slice(0, 16);
}

/** The same for the same words, in whatever order their keys are; what the split is now does not matter. */
export function hashOfAsked({ target, plan }: { readonly target: string; readonly plan: unknown }): string {
  return contentHash([target, JSON.stringify(plan, sortedKeys)]);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
