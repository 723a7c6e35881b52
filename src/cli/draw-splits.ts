/**
 * Splits and their changes for a terminal.
 */
import type { SplitChangeJson, SplitJson } from "../admin/split-schema.ts";
import { printable } from "../telemetry/printable.ts";

export function drawSplits(splits: readonly SplitJson[]): string {
  return splits.length === 0 ? "the config has no splits" : splits.map(drawSplit).join("\n\n");
}

function drawSplit(split: SplitJson): string {
  const { name, number, source, weights, mirror, lastChange, leaseEnds, at, backends, endsRollout: ended } = split;
  const limits = backends.flatMap(({ name: backend, limit }) =>
    limit === undefined ? [] : `${backend} ${limitText(limit)}`,
  );
  const by = lastChange === undefined ? "" : ` by ${byText(lastChange)}`;
  return [
    `${name}  ${weightsText(weights)}`,
    source === "file"
      ? `  of the file, ${at.file}:${at.line}${number === 0 ? "" : `, since change ${number}${by}`}`
      : `  set as change ${number}${by}; the file says ${weightsText(split.default)}`,
    ...(split.definedBy === "last-known-good"
      ? ["  of the last known good config, because the config is refused"]
      : []),
    ...(mirror === undefined
      ? []
      : [`  ${mirror.percent} % of the requests mirrored to ${mirror.backend} for a rollout`]),
    ...(ended === undefined
      ? []
      : [`  this ends rollout ${ended.id} of ${printable(ended.startedBy)} (${printable(ended.target)})`]),
    ...(leaseEnds === undefined ? [] : [`  taken back at ${leaseEnds} unless somebody sets them again`]),
    ...(limits.length === 0 ? [] : [`  limits: ${limits.join("; ")}`]),
    `  ${standingText(split)}`,
  ].join("\n");
}

/** `stable 90 %, canary 10 %` */
export function weightsText(weights: Readonly<Record<string, number>>): string {
  return Object.entries(weights)
    .map(([backend, percent]) => `${backend} ${percent} %`)
    .join(", ");
}

/** Newest first. */
export function drawHistory(history: readonly SplitChangeJson[]): string {
  if (history.length === 0) return "nobody has changed it";
  return history
    .map((change) => {
      const { number, at, kind, before, after, mirror } = change;
      const moved = Object.entries(after).flatMap(([backend, percent]) =>
        before[backend] === percent ? [] : `${backend} ${before[backend] ?? 0} → ${percent} %`,
      );
      if (mirror !== undefined) moved.push(`${mirror.percent} % mirrored to ${mirror.backend}`);
      const what = { set: "set", reset: "reset", expired: "lease over", kept: "lease over, kept" }[kind];
      return `${String(number).padStart(4)}  ${at}  ${what}  ${moved.length === 0 ? "as before" : moved.join(", ")}  ${byText(change)}`;
    })
    .join("\n");
}

/** `ci (unverified): v2 is out` */
export function byText({ actor, reason }: Pick<SplitChangeJson, "actor" | "reason">): string {
  return `${printable(actor)} (unverified)${reason === undefined ? "" : `: ${printable(reason)}`}`;
}

function limitText({ max, maxStep }: NonNullable<SplitJson["backends"][number]["limit"]>): string {
  const texts = [
    ...(max === undefined ? [] : [`at most ${max} %`]),
    ...(maxStep === undefined ? [] : [`${maxStep} % at once`]),
  ];
  return texts.length === 0 ? "none" : texts.join(", ");
}

function standingText({ state, acknowledgedCount, pendingCount, rejectedCount, groups }: SplitJson): string {
  const all = acknowledgedCount + pendingCount + rejectedCount;
  const counts = `${acknowledgedCount} of ${all} Envoys have it`;
  if (groups.length === 0) return "no route uses it";
  if (all === 0) return `${state}: no Envoy is connected`;
  return rejectedCount === 0 ? `${state}: ${counts}` : `${state}: ${counts}, ${rejectedCount} refuse it`;
}
