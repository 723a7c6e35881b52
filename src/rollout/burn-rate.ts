/**
 * How fast a version spends its error budget, and whether it fails so plainly that nothing need be weighed.
 *
 * An objective of 99.9 % leaves a budget of one bad request in a thousand; who has 14.4 in a thousand spends it 14.4
 * times too fast, and a month's in two days. Read over five minutes and over one: the long window keeps a blip from
 * counting, the short one ends the alarm when the trouble has ended (Google's SRE workbook, chapter 5).
 *
 * Where the baseline spends about as fast in the same time, the cause is not the canary alone, and going back would not
 * help.
 */
import type { Counts, Tally } from "./counts.ts";
import { between, emptyTally, shareOf, thinned } from "./counts.ts";
import { wilsonInterval } from "./wilson.ts";

/** What both versions had done by a moment, since the rollout began. */
export interface Sample extends Tally {
  readonly atMs: number;
}

/** How many times too fast a budget is spent over both windows, as counted. */
export interface Burn {
  readonly long: number;
  readonly short: number;
}

/** The long and the short window. */
export const BURN_WINDOW_MS = 300_000;
const SHORT_WINDOW_MS = 60_000;

/** Two percent of a month's budget in an hour. */
const BURN_MAX = 14.4;

/** A handful of bad requests in the short window is the least that can mean something. */
const BAD_MIN = 5;

/** Asked again at every look, so surer than 95 %: by chance it is once in 740 looks that have nothing in common. */
const SURE_Z = 3;

/** In each of two looks in a row, of so many requests a fifth were bad. */
const ABORT_SHARE = 0.2;
const ABORT_REQUESTS_MIN = 20;

/** Of the canary, up to the last sample. */
export function burnOf(samples: readonly Sample[], budget: number): Burn {
  const over = (windowMs: number) => {
    const { tally, coveredShare } = within(samples, windowMs);
    return burn(shareOf(tally.canary), budget) * coveredShare;
  };
  return { long: over(BURN_WINDOW_MS), short: over(SHORT_WINDOW_MS) };
}

/**
 * Which version spends its budget so fast that a rollout must not go on: the canary, surely by itself and by more than
 * is tolerated, or both.
 */
export function burnsFast(
  samples: readonly Sample[],
  { budget, overdispersion, toleratedRatio }: BurnSettings,
): "canary" | "both" | undefined {
  const long = within(samples, BURN_WINDOW_MS);
  const short = within(samples, SHORT_WINDOW_MS);
  if (thinned(short.tally.canary, overdispersion).bad < BAD_MIN) return undefined;
  const windows = [long, short].map(({ tally, coveredShare }) => {
    const atLeast = lowerShare(tally.canary, overdispersion);
    return {
      isFast: burn(atLeast, budget) * coveredShare > BURN_MAX,
      isCanarys: atLeast > toleratedRatio * shareOf(tally.expected),
    };
  });
  if (!windows.every(({ isFast }) => isFast)) return undefined;
  return windows.every(({ isCanarys }) => isCanarys) ? "canary" : "both";
}

/** What a budget is compared with. */
export interface BurnSettings {
  readonly budget: number;
  readonly overdispersion: number;
  readonly toleratedRatio: number;
}

/** The last two looks, if the canary failed in both so much more than the baseline that this is no chance. */
export function failsPlainly(samples: readonly Sample[], overdispersion: number): Tally | undefined {
  const [before, middle, last] = samples.slice(-3);
  if (before === undefined || middle === undefined || last === undefined) return undefined;
  const isBad = [between(before, middle), between(middle, last)].every(
    ({ canary }) => thinned(canary, overdispersion).completed >= ABORT_REQUESTS_MIN && shareOf(canary) >= ABORT_SHARE,
  );
  const both = between(before, last);
  const isCanarys = lowerShare(both.canary, overdispersion) > 2 * shareOf(both.expected);
  return isBad && isCanarys ? both : undefined;
}

/**
 * What happened in the last `windowMs`. Right after the start less than that is covered, and the rest counts as time in
 * which nothing was spent, so that one bad second is not taken for five bad minutes.
 */
function within(
  samples: readonly Sample[],
  windowMs: number,
): { readonly tally: Tally; readonly coveredShare: number } {
  const last = samples.at(-1);
  const first =
    last === undefined ? undefined : (samples.findLast(({ atMs }) => atMs <= last.atMs - windowMs) ?? samples[0]);
  if (last === undefined || first === undefined) return { tally: emptyTally, coveredShare: 0 };
  return { tally: between(first, last), coveredShare: Math.min((last.atMs - first.atMs) / windowMs, 1) };
}

/** The bad share is at least this. */
function lowerShare(counts: Counts, overdispersion: number): number {
  return wilsonInterval(thinned(counts, overdispersion), SURE_Z).lower;
}

function burn(share: number, budget: number): number {
  return budget > 0 ? share / budget : share > 0 ? Number.MAX_VALUE : 0;
}
