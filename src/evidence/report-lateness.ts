/**
 * How late a report is handled, told by the clock of who sent it: a program that stood still for a while, and then reads
 * what has been waiting for it, must not take that for news.
 *
 * Clocks of two machines are never the same, so the shortest way that a report has ever taken is taken for none, and what
 * is longer is lateness. A clock that somebody sets back looks like lateness that does not end: once all reports of a
 * minute have come so late, it is believed.
 */

/** Of one sender; pass what `arrive` returns on to its next report. */
export interface Arrivals {
  /** The difference of both clocks when a report came soonest. */
  readonly soonestMs: number;
  /** The same of reports that have all come late, and since when they do. */
  readonly late?: { readonly sinceMs: number; readonly soonestMs: number };
}

/** This much is the way, and no clock that was set. */
const LATE_MS = 2_000;

/** So long reports may wait at one that stands still, without a newer one after them. */
export const BELIEVED_AFTER_MS = 60_000;

/** One report: `sentAtMs` by the clock of the sender, `receivedAtMs` by one that is never set. */
export function arrive(
  known: Arrivals | undefined,
  { sentAtMs, receivedAtMs }: { readonly sentAtMs: number; readonly receivedAtMs: number },
): { readonly arrivals: Arrivals; readonly lateMs: number } {
  const tookMs = receivedAtMs - sentAtMs;
  if (known === undefined || tookMs <= known.soonestMs) return { arrivals: { soonestMs: tookMs }, lateMs: 0 };
  const lateMs = tookMs - known.soonestMs;
  if (lateMs <= LATE_MS) return { arrivals: { soonestMs: known.soonestMs }, lateMs };
  const { sinceMs = receivedAtMs, soonestMs = tookMs } = known.late ?? {};
  const late = { sinceMs, soonestMs: Math.min(soonestMs, tookMs) };
  if (receivedAtMs - sinceMs < BELIEVED_AFTER_MS) return { arrivals: { soonestMs: known.soonestMs, late }, lateMs };
  return { arrivals: { soonestMs: late.soonestMs }, lateMs: tookMs - late.soonestMs };
}
