/**
 * How many of something happen in a second, from counts that come late and for uneven spans of time.
 *
 * The last few spans of one length are kept. A count is spread evenly over the time that it is for, so that
 * reports which come a little early or late, and of nodes that report at different moments, add up to a
 * steady rate.
 */

/** One for each thing that is counted; `width` counts go side by side. */
export interface RateWindow {
  readonly spanMs: number;
  readonly width: number;
  /** `SPANS_KEPT` rows in a ring: the row of a span is its number modulo that. */
  readonly sums: Float64Array;
  /** The first span that was counted as a whole, and the newest there is; undefined before the first count. */
  first: number | undefined;
  newest: number;
}

/** A rate is the mean of so many spans. */
const SPANS_SHOWN = 5;
/** And of the newest ones some counts are still to come: of the one that is under way and of the one before. */
const SPANS_OPEN = 2;
const SPANS_KEPT = SPANS_SHOWN + SPANS_OPEN + 1;

/** A window in which nothing was counted. */
export function createRateWindow(spanMs: number, width: number): RateWindow {
  return { spanMs, width, sums: new Float64Array(SPANS_KEPT * width), first: undefined, newest: -Infinity };
}

/** Adds what happened in the `intervalMs` before `atMs`. */
export function countInWindow(
  window: RateWindow,
  counted: { readonly atMs: number; readonly intervalMs: number },
  counts: readonly number[],
): void {
  const { spanMs, width, sums } = window;
  const intervalMs = Math.max(counted.intervalMs, 1);
  const fromMs = counted.atMs - intervalMs;
  const [from, to] = [Math.floor(fromMs / spanMs), Math.floor(counted.atMs / spanMs)];
  window.first ??= from + 1;
  moveTo(window, to);
  for (let span = Math.max(from, window.newest - SPANS_KEPT + 1); span <= to; span += 1) {
    const overlapMs = Math.min(counted.atMs, (span + 1) * spanMs) - Math.max(fromMs, span * spanMs);
    const row = (span % SPANS_KEPT) * width;
    for (let index = 0; index < width; index += 1) {
      sums[row + index] = (sums[row + index] ?? 0) + ((counts[index] ?? 0) * overlapMs) / intervalMs;
    }
  }
}

/** How many a second, of each count; undefined until there is a whole span to tell from. */
export function ratesOf(window: RateWindow, nowMs: number): readonly number[] | undefined {
  const { spanMs, width, sums, newest } = window;
  if (window.first === undefined) return undefined;
  const last = Math.floor(nowMs / spanMs) - SPANS_OPEN;
  const first = Math.max(window.first, last - SPANS_SHOWN + 1);
  if (first > last) return undefined;
  const totals = Array.from({ length: width }, () => 0);
  // Spans after the newest one are those in which nobody reported anything.
  for (let span = first; span <= Math.min(last, newest); span += 1) {
    const row = (span % SPANS_KEPT) * width;
    for (let index = 0; index < width; index += 1) totals[index] = (totals[index] ?? 0) + (sums[row + index] ?? 0);
  }
  return totals.map((total) => (total * 1_000) / (spanMs * (last - first + 1)));
}

/** Makes room for newer spans by clearing the oldest. */
function moveTo(window: RateWindow, span: number): void {
  const { width, sums } = window;
  if (span <= window.newest) return;
  for (let cleared = Math.max(window.newest + 1, span - SPANS_KEPT + 1); cleared <= span; cleared += 1) {
    sums.fill(0, (cleared % SPANS_KEPT) * width, ((cleared % SPANS_KEPT) + 1) * width);
  }
  window.newest = span;
}
