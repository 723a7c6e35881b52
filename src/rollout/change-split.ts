/**
 * A change of what is kept of a split: weights that somebody sets, takes back, or whose lease is over.
 */
import type { Split } from "../model/intent-split.ts";
import type { LiveMirror, LiveWeights } from "../model/live-weights.ts";
import { areSameShares, sharesOf } from "../model/live-weights.ts";
import { defined } from "../model/sort.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { RefusedWeights } from "./set-weights.ts";
import { sharesFor } from "./set-weights.ts";
import type { ChangedBy, Shares, SplitDocument } from "./split-document.ts";
import { changed } from "./split-document.ts";

/** What somebody wants. */
export interface AskedWeights extends ChangedBy {
  /** In percent; undefined for those of the file. */
  readonly percents: Readonly<Record<string, number>> | undefined;
  /** Exactly these instead, whatever the limits: a rollout was held to them when it began, and must be able to go back. */
  readonly shares?: Shares | undefined;
  /** Beside `shares`: copies of requests. There are none after a change that does not say so. */
  readonly mirror?: LiveMirror | undefined;
  /** The number of the change that was the last when somebody looked. */
  readonly expected: number;
  /** The weights are taken back after so long, unless somebody sets them again; they stay when undefined. */
  readonly leaseMs?: number | undefined;
}

/** Why nothing was changed. */
export type NotChanged =
  | { readonly kind: "unknown-split"; readonly names: readonly string[] }
  /** Somebody else was first. */
  | { readonly kind: "conflict"; readonly current: SplitDocument }
  | RefusedWeights
  /** The state cannot be read or written, or there is none. */
  | { readonly kind: "unavailable"; readonly message: string };

/** The document as it would be. To go back to the weights of the file is always allowed. */
export function changeSplit(
  split: Split,
  document: SplitDocument,
  asked: AskedWeights,
  nowMs: number,
): Result<SplitDocument, NotChanged> {
  if (document.number !== asked.expected) return err({ kind: "conflict", current: document });
  const { percents, shares, mirror, actor, reason, leaseMs } = asked;
  const before = sharesOf(split, liveOf(split.name, document));
  const by = { before, actor, reason, atMs: nowMs };
  if (shares !== undefined) {
    const knew = fileSharesKnown(split, document);
    return ok(changed(document, { ...by, kind: "set", after: shares, mirror }, knew));
  }
  if (percents === undefined) return ok(changed(document, { ...by, kind: "reset", after: sharesOf(split, undefined) }));
  const after = sharesFor(split, percents, before);
  if (!after.ok) return after;
  const leaseEndsAtMs = leaseMs === undefined ? undefined : nowMs + leaseMs;
  // Whoever sets weights is told those of the file.
  const knew = sharesOf(split, undefined);
  return ok(changed(document, { ...by, kind: "set", after: after.value, leaseEndsAtMs }, knew));
}

/** A rollout tells nobody of the file's weights, so what it hides of them stays hidden while it moves its own. */
function fileSharesKnown(split: Split, document: SplitDocument): Shares {
  const now = sharesOf(split, undefined);
  const isOfFile = document.shares === undefined || areSameShares(now, sharesOf(split, liveOf(split.name, document)));
  return isOfFile ? now : (document.fileShares ?? now);
}

/** The document after its lease; `split` is undefined when no file has it any more. */
export function expireLease(split: Split | undefined, document: SplitDocument, nowMs: number): SplitDocument {
  const before: Shares = split === undefined ? (document.shares ?? {}) : sharesOf(split, liveOf(split.name, document));
  const by = { before, actor: "fairway", reason: "nobody renewed the lease", atMs: nowMs };
  if (split?.onLeaseExpiry === "keep") {
    return changed(document, { ...by, kind: "kept", after: before }, document.fileShares);
  }
  const after = split === undefined ? before : sharesOf(split, undefined);
  return changed(document, { ...by, kind: "expired", after });
}

/** What a build is given of a document. */
export function liveOf(split: string, { number, shares, fileShares, mirror }: SplitDocument): LiveWeights {
  return { split, revision: number, shares, ...defined({ fileShares, mirror }) };
}
