/**
 * What a share may really be, when it was counted in so many requests.
 *
 * Wilson's interval holds for few requests and for shares near nought, where the usual one gives nonsense. It is for one
 * look: what is judged again and again goes through the sequential test.
 */
import type { Counts } from "./counts.ts";

/** From 0 to 1. */
export interface ShareInterval {
  readonly lower: number;
  readonly upper: number;
}

/** Standard deviations of the normal distribution for 95 %. */
const Z = 1.96;

/** Wilson's interval of the bad share, for 95 % unless `z` says otherwise; everything is possible without requests. */
export function wilsonInterval({ completed, bad }: Counts, z = Z): ShareInterval {
  if (completed <= 0) return { lower: 0, upper: 1 };
  const x = Math.min(Math.max(bad, 0), completed);
  const square = z * z;
  const center = (x + square / 2) / (completed + square);
  const reach = (z / (completed + square)) * Math.sqrt((x * (completed - x)) / completed + square / 4);
  return { lower: x === 0 ? 0 : center - reach, upper: x === completed ? 1 : center + reach };
}

/**
 * The bad share is below this with 95 % confidence: the upper end of Wilson's interval, and without any bad request
 * the rule of three, 3/n.
 */
export function upperShare(counts: Counts): number {
  return counts.completed > 0 && counts.bad <= 0 ? Math.min(3 / counts.completed, 1) : wilsonInterval(counts).upper;
}

/** So many requests, none of them bad, show that a budget is kept: 3,000 for one in a thousand. */
export function requestsToProve(budget: number): number {
  return Math.ceil(3 / budget - 1e-9);
}
