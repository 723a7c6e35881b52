/**
 * When a change on disk is finished enough to act on: a state machine without clock or I/O.
 *
 * Its inputs: `hint` (a watch heard something), `touched` (a change that is held back moved again),
 * `scanning` (a full rescan begins) and `scanned` (what differs from the state that was last accepted).
 * `scanDueAtMs` says when the next scan is due; a step after a scan says which changes to accept.
 *
 * Holds:
 * - A complete change (an atomic rename, a swapped link) is accepted by the first scan when all was
 *   quiet before. Within a burst it waits until the burst pauses, so that a deploy of many files becomes
 *   one state or two, not one per file.
 * - Anything else (a write in place, a file created by writing, a deletion, which editors do while they
 *   save) is accepted after it was left alone for `quietMs`.
 * - A burst ends after `capMs`: what is still moving then is held back on its own, and what is finished
 *   proceeds. A held change is accepted once it settles, and delays nobody meanwhile.
 */

/** An editor or copy tool that pauses longer within one save has not been seen; people do not notice less. */
export const quietMs = 150;
/** `sed -i` and rsync rename a file every few milliseconds; this joins them without being felt. */
export const burstQuietMs = 25;
/** Somebody who waits for a change after a constant stream of others waits no longer than this. */
export const capMs = 1000;

/** One difference between a scan and what was last accepted. */
export interface Change {
  readonly key: string;
  /** Equal signatures mean equal content. */
  readonly signature: string;
  readonly complete: boolean;
  /** When it was last known to move; absent if nothing but a scan shows it. */
  readonly activeAtMs: number | undefined;
  readonly noticedAtMs: number;
}

/** A difference that is waited for. */
export interface PendingChange {
  readonly key: string;
  readonly signature: string;
  readonly complete: boolean;
  readonly stableSinceMs: number;
  readonly noticedAtMs: number;
  /** It was still moving when its burst was capped. */
  readonly held: boolean;
}

interface Burst {
  readonly sinceMs: number;
  readonly lastMs: number;
  /** Nothing came just before it, and nothing of it has been accepted yet. */
  readonly leading: boolean;
}

interface Hints {
  readonly firstMs: number;
  readonly renamedAtMs: number | undefined;
  readonly wroteAtMs: number | undefined;
}

export interface SettleState {
  readonly pending: ReadonlyMap<string, PendingChange>;
  readonly burst: Burst | undefined;
  /** What was heard since the last scan began. */
  readonly hints: Hints | undefined;
  readonly lastAcceptedMs: number;
}

export type SettleInput =
  | {
      readonly kind: "hint";
      readonly nowMs: number;
      readonly event: "renamed" | "wrote";
    }
  /** Held changes moved again: they begin no burst, because nobody is to wait for them. */
  | { readonly kind: "touched"; readonly nowMs: number; readonly keys: ReadonlySet<string> }
  | { readonly kind: "scanning"; readonly nowMs: number }
  | { readonly kind: "scanned"; readonly nowMs: number; readonly changes: readonly Change[] };

export interface SettleStep {
  readonly state: SettleState;
  readonly accepted: readonly PendingChange[];
  /** Changes that this step held back. */
  readonly held: readonly PendingChange[];
}

export const initialSettleState: SettleState = {
  pending: new Map(),
  burst: undefined,
  hints: undefined,
  lastAcceptedMs: Number.NEGATIVE_INFINITY,
};

export function settle(state: SettleState, input: SettleInput): SettleStep {
  switch (input.kind) {
    case "hint":
      return { state: noteHint(state, input), accepted: [], held: [] };
    case "touched":
      return { state: noteTouched(state, input.keys, input.nowMs), accepted: [], held: [] };
    case "scanning":
      return { state: { ...state, hints: undefined }, accepted: [], held: [] };
    case "scanned":
      return decide(notePending(state, input.changes, input.nowMs), input.nowMs);
  }
}

/** When the next scan is due; undefined while there is nothing to wait for. */
export function scanDueAtMs(state: SettleState): number | undefined {
  let activeAtMs: number | undefined;
  let heldAtMs: number | undefined;
  for (const change of state.pending.values()) {
    const settledAtMs = change.stableSinceMs + quietMs;
    if (change.held) heldAtMs = Math.min(heldAtMs ?? settledAtMs, settledAtMs);
    else activeAtMs = Math.max(activeAtMs ?? 0, change.complete ? 0 : settledAtMs);
  }
  if (activeAtMs !== undefined && state.burst) {
    activeAtMs = Math.max(activeAtMs, state.burst.lastMs + burstQuietMs);
  }
  if (state.hints) activeAtMs = Math.max(activeAtMs ?? 0, hintsDueAtMs(state, state.hints));
  if (activeAtMs !== undefined && state.burst) {
    activeAtMs = Math.min(activeAtMs, state.burst.sinceMs + capMs);
  }
  if (activeAtMs === undefined || heldAtMs === undefined) return activeAtMs ?? heldAtMs;
  return Math.min(activeAtMs, heldAtMs);
}

function hintsDueAtMs(state: SettleState, hints: Hints): number {
  const wroteDueMs = hints.wroteAtMs === undefined ? 0 : hints.wroteAtMs + quietMs;
  if (hints.renamedAtMs === undefined) return wroteDueMs;
  const renameWaitMs = isLeading(state.burst, hints.renamedAtMs) ? 0 : burstQuietMs;
  return Math.max(wroteDueMs, hints.renamedAtMs + renameWaitMs);
}

function isLeading(burst: Burst | undefined, nowMs: number): boolean {
  return burst !== undefined && burst.leading && nowMs - burst.sinceMs < burstQuietMs;
}

function noteHint(state: SettleState, hint: SettleInput & { readonly kind: "hint" }): SettleState {
  const idle = hint.nowMs - state.lastAcceptedMs >= burstQuietMs;
  const before: Burst = state.burst ?? { sinceMs: hint.nowMs, lastMs: hint.nowMs, leading: idle };
  const renamed = hint.event === "renamed";
  return {
    ...state,
    burst: { ...before, lastMs: hint.nowMs },
    hints: {
      firstMs: state.hints?.firstMs ?? hint.nowMs,
      renamedAtMs: renamed ? hint.nowMs : state.hints?.renamedAtMs,
      wroteAtMs: renamed ? state.hints?.wroteAtMs : hint.nowMs,
    },
  };
}

function noteTouched(state: SettleState, keys: ReadonlySet<string>, nowMs: number): SettleState {
  const pending = new Map(state.pending);
  for (const key of keys) {
    const change = pending.get(key);
    if (change?.held) pending.set(key, { ...change, stableSinceMs: nowMs });
  }
  return { ...state, pending };
}

/** The changes of a scan replace what was pending; one that is gone again was never accepted and is forgotten. */
function notePending(state: SettleState, changes: readonly Change[], nowMs: number): SettleState {
  const pending = new Map<string, PendingChange>();
  for (const change of changes) {
    const before = state.pending.get(change.key);
    const same = before !== undefined && before.signature === change.signature;
    const stableSinceMs = same
      ? Math.max(before.stableSinceMs, change.activeAtMs ?? before.stableSinceMs)
      : (change.activeAtMs ?? nowMs);
    pending.set(change.key, {
      key: change.key,
      signature: change.signature,
      complete: change.complete || (same && before.complete),
      stableSinceMs,
      noticedAtMs: before?.noticedAtMs ?? change.noticedAtMs,
      held: before?.held ?? false,
    });
  }
  const fresh = pending.size > 0 && state.burst === undefined;
  const burst: Burst = { sinceMs: nowMs, lastMs: nowMs - burstQuietMs, leading: true };
  return { ...state, pending, burst: fresh ? burst : state.burst };
}

function decide(state: SettleState, nowMs: number): SettleStep {
  const pending = [...state.pending.values()];
  const isSettled = (change: PendingChange): boolean => change.complete || nowMs - change.stableSinceMs >= quietMs;
  const finished = pending.filter(isSettled);
  const active = pending.filter((change) => !change.held);
  const moving = active.filter((change) => !isSettled(change));
  const capped = state.burst !== undefined && nowMs - state.burst.sinceMs >= capMs;
  const paused =
    state.burst === undefined ||
    isLeading(state.burst, state.burst.lastMs) ||
    nowMs - state.burst.lastMs >= burstQuietMs;

  const burstIsOver = capped || (moving.length === 0 && paused);
  const accepted = burstIsOver ? finished : finished.filter((change) => change.held);
  const held = burstIsOver ? moving.map((change) => ({ ...change, held: true })) : [];

  const left = new Map(state.pending);
  for (const change of accepted) left.delete(change.key);
  for (const change of held) left.set(change.key, change);
  const acceptedMs = accepted.length > 0 ? nowMs : state.lastAcceptedMs;
  const next = { ...state, pending: left, lastAcceptedMs: acceptedMs };
  const untouched = accepted.length === 0 && !capped;
  return { state: { ...next, burst: burstAfter(next, untouched) }, accepted, held };
}

/** What was heard during the scan begins the next burst; that one leads only if the last had no effect. */
function burstAfter(state: SettleState, untouched: boolean): Burst | undefined {
  const { burst, hints } = state;
  if (burst === undefined) return undefined;
  const stillActive = [...state.pending.values()].some((change) => !change.held);
  if (stillActive) return burst;
  if (hints === undefined) return undefined;
  if (untouched && burst.leading) return burst;
  return { sinceMs: hints.firstMs, lastMs: burst.lastMs, leading: false };
}
