/**
 * Whether a rollout may move its split: it is there with both versions, and nobody else has set its weights.
 *
 * That a split or a backend is gone is believed only of a config that is in force. While the config is refused, or some of
 * it is held, a split that is not known may well be there; and what another replica has written may not be here yet. Both
 * are waited for, and nothing is written meanwhile.
 */
import { changeStep, ended, endStep, inPhase } from "./change-record.ts";
import { actorOf } from "./follow-weights.ts";
import type { Observed } from "./observed.ts";
import type { Outcome, Phase, RolloutRecord } from "./rollout-record.ts";

type Split = NonNullable<Observed["split"]>;

export type OwnedSplit =
  | { readonly kind: "own"; readonly split: Split }
  /** Nothing more is done at this look: the record is another one, or it waits. */
  | { readonly kind: "not-now"; readonly record: RolloutRecord };

/** `rollBack` begins a rollback with what the rollout ends as. */
export function ownedSplit(
  record: RolloutRecord,
  seen: Observed,
  rollBack: (record: RolloutRecord, atMs: number, outcome: Pick<Outcome, "kind" | "sentence">) => RolloutRecord,
): OwnedSplit {
  const { split, nowMs } = seen;
  const name = record.plan.split;
  if (split === undefined) {
    if (seen.isConfigInForce === false) return notNow(heldUp(record, nowMs));
    return notNow(superseded(record, nowMs, `the config has no split ${name} any more`));
  }
  const awaited = knownAgain(record, nowMs);
  if (awaited !== record) return notNow(awaited);
  const moved = changedBy(record, split, nowMs);
  if (moved !== undefined) return notNow(moved);
  const gone = goneBackend(record, split);
  if (gone === undefined || record.phase.kind === "rolling-back") return { kind: "own", split };
  // Who has written nothing has nothing to take back.
  if (split.document.history[0]?.actor !== actorOf(record)) return notNow(superseded(record, nowMs, gone));
  const over = endStep(record, { atMs: nowMs, result: "ended", sentence: gone });
  return notNow(rollBack(over, nowMs, { kind: "superseded", sentence: gone }));
}

function notNow(record: RolloutRecord): OwnedSplit {
  return { kind: "not-now", record };
}

/** A change of the split is the rollout's own, or it ends the rollout; undefined when there is none. */
function changedBy(record: RolloutRecord, { document, isNewest }: Split, nowMs: number): RolloutRecord | undefined {
  const { number } = document;
  if (number === record.splitNumber) return undefined;
  if (number < record.splitNumber) {
    if (isNewest !== true) return record;
    const sentence = `what is kept of the weights of ${record.plan.split} is older than what it has set (change ${number}, not ${record.splitNumber}), as when a backup is put back; the weights stay as they are`;
    return superseded(record, nowMs, sentence);
  }
  const [last] = document.history;
  const isOwn = number === record.splitNumber + 1 && last?.actor === actorOf(record);
  if (isOwn) return { ...record, splitNumber: number, phase: written(record.phase) };
  const who = last === undefined ? "somebody" : `${last.actor}${last.reason === undefined ? "" : ` (${last.reason})`}`;
  return superseded(record, nowMs, `${who} has set other weights meanwhile, and they stay as they are`, last?.actor);
}

/** Weights that are written again and again are not in force: `followWeights` ends that. */
function written(phase: Phase): Phase {
  if (phase.kind !== "converging" && phase.kind !== "promoting" && phase.kind !== "rolling-back") return phase;
  return { ...phase, writes: (phase.writes ?? 0) + 1 };
}

/** One of the two versions that the config has no more, in a sentence. */
function goneBackend({ plan }: RolloutRecord, { file }: Split): string | undefined {
  const place = `${file.at.file}:${file.at.line}`;
  const names = file.backends.map(({ name }) => name);
  if (!names.includes(plan.canary)) {
    return `split ${file.name} has no backend ${plan.canary} any more (${place}), so there is nothing left to roll out`;
  }
  if (!names.includes(plan.baseline)) {
    return `split ${file.name} has no backend ${plan.baseline} any more (${place}), which ${plan.canary} was compared with`;
  }
  return undefined;
}

function superseded(record: RolloutRecord, atMs: number, sentence: string, by?: string): RolloutRecord {
  const stopped = endStep(record, { atMs, result: "ended", sentence });
  return ended(stopped, { kind: "superseded", sentence, by, atMs });
}

const A_CONFIG = "a config that is in force (see fairway check), because nothing is known of its split until then";

/** Said once, however long it takes. */
function heldUp(record: RolloutRecord, atMs: number): RolloutRecord {
  const { phase } = record;
  if ("waitsFor" in phase) {
    return phase.waitsFor === A_CONFIG ? record : inPhase(record, { ...phase, waitsFor: A_CONFIG });
  }
  if (phase.kind !== "measuring" || record.verdict?.reason === "config-unknown") return record;
  const sentence = `Nothing is decided: it waits for ${A_CONFIG}.`;
  const verdict = { kind: "inconclusive" as const, reason: "config-unknown", sentence, metrics: [], atMs };
  return changeStep({ ...record, verdict }, { sentence });
}

/** The times that Envoys and the step may take go on from where nothing was known: they were not waited for. */
function knownAgain(record: RolloutRecord, nowMs: number): RolloutRecord {
  const { phase, verdict } = record;
  if (phase.kind === "measuring" && verdict?.reason === "config-unknown") {
    const sinceMs = phase.sinceMs + nowMs - verdict.atMs;
    return inPhase({ ...record, verdict: undefined }, { ...phase, sinceMs });
  }
  if ((phase.kind !== "preflight" && phase.kind !== "converging") || phase.waitsFor !== A_CONFIG) return record;
  return inPhase(record, { ...phase, sinceMs: nowMs, waitsFor: "Envoys" });
}
