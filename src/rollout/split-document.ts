/**
 * What is kept of a split beside the files: the weights that were set, by whom and why, for how long, and what was before.
 *
 * One document for each split, changed by compare-and-swap only. Each change has a number, which is what people compare
 * with (`If-Match`, `--expect`): it grows by one, whatever keeps the document. Shares are in hundredths of a percent.
 */
import { z } from "zod";
import type { LiveMirror } from "../model/live-weights.ts";

/** Who has changed something, as it calls itself: nobody has checked it. */
export interface ChangedBy {
  readonly actor: string;
  readonly reason?: string | undefined;
}

/** One change. */
export interface SplitChange extends ChangedBy {
  readonly number: number;
  /** expired: nobody renewed the lease; kept: nobody did, and the file says that the weights stay all the same. */
  readonly kind: "set" | "reset" | "expired" | "kept";
  /** Of all backends, before and after. */
  readonly before: Shares;
  readonly after: Shares;
  /** Copies of requests since then; absent when there are none. */
  readonly mirror?: LiveMirror | undefined;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** When it is taken back unless somebody renews it. */
  readonly leaseEndsAtMs?: number | undefined;
}

/** By backend, in hundredths of a percent; their sum is 10,000. */
export type Shares = Readonly<Record<string, number>>;

/** The document of one split. */
export interface SplitDocument {
  /** Of the last change; 0 when there never was one. */
  readonly number: number;
  /** Undefined while the weights of the file are in force. */
  readonly shares: Shares | undefined;
  /** The weights of the file that whoever set `shares` knew; absent when an older Fairway has kept it. */
  readonly fileShares?: Shares | undefined;
  /** Copies of requests that a rollout wants; every change takes them away unless it says otherwise. */
  readonly mirror?: LiveMirror | undefined;
  /** Undefined when the weights stay until somebody changes them. */
  readonly leaseEndsAtMs: number | undefined;
  /** Newest first. */
  readonly history: readonly SplitChange[];
}

/** A canary in steps of a percent, there and back, is in it. */
const HISTORY_MAX = 200;

export const untouchedSplit: SplitDocument = { number: 0, shares: undefined, leaseEndsAtMs: undefined, history: [] };

/** The document after a change; `fileShares` as in the document. */
export function changed(
  document: SplitDocument,
  change: Omit<SplitChange, "number">,
  fileShares?: Shares,
): SplitDocument {
  const number = document.number + 1;
  const isOfFile = change.kind === "reset" || change.kind === "expired";
  return {
    number,
    shares: isOfFile ? undefined : change.after,
    ...(isOfFile || fileShares === undefined ? {} : { fileShares }),
    ...(change.mirror === undefined ? {} : { mirror: change.mirror }),
    leaseEndsAtMs: change.leaseEndsAtMs,
    history: [{ ...change, number }, ...document.history].slice(0, HISTORY_MAX),
  };
}

const shares = z.record(z.string(), z.int().min(0));
const mirror = z.object({ backend: z.string(), share: z.int().min(0) });

/** A newer Fairway may say more. */
const documentSchema = z.object({
  number: z.int().min(0),
  shares: shares.optional(),
  fileShares: shares.optional(),
  mirror: mirror.optional(),
  leaseEndsAtMs: z.number().optional(),
  history: z.array(
    z.object({
      number: z.int(),
      kind: z.enum(["set", "reset", "expired", "kept"]),
      before: shares,
      after: shares,
      mirror: mirror.optional(),
      actor: z.string(),
      reason: z.string().optional(),
      atMs: z.number(),
      leaseEndsAtMs: z.number().optional(),
    }),
  ),
});

/** Undefined when it is none. */
export function readSplitDocument(bytes: Uint8Array): SplitDocument | undefined {
  try {
    const read = documentSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return { shares: undefined, leaseEndsAtMs: undefined, ...read };
  } catch {
    return undefined;
  }
}

export function writeSplitDocument(document: SplitDocument): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}
