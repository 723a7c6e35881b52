/**
 * Counts as chance makes them, from a seeded source: how many of so many requests are bad.
 *
 * Exact and quick for every size: by inversion where few are expected, else by Hörmann's transformed rejection (The
 * generation of binomial random variates, 1993, algorithm BTRS).
 */
import type { Random } from "./random.ts";

/** How many of `count` trials succeed, each with `probability`. */
export function binomial(random: Random, count: number, probability: number): number {
  if (count <= 0 || probability <= 0) return 0;
  if (probability >= 1) return count;
  if (probability > 0.5) return count - binomial(random, count, 1 - probability);
  return count * probability < 10 ? byInversion(random, count, probability) : byRejection(random, count, probability);
}

function byInversion(random: Random, count: number, probability: number): number {
  const odds = probability / (1 - probability);
  let mass = (1 - probability) ** count;
  let left = random.fraction();
  let successes = 0;
  while (left > mass && successes < count) {
    left -= mass;
    successes += 1;
    mass *= (odds * (count - successes + 1)) / successes;
  }
  return successes;
}

function byRejection(random: Random, count: number, probability: number): number {
  const odds = probability / (1 - probability);
  const deviation = Math.sqrt(count * probability * (1 - probability));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * probability;
  const c = count * probability + 0.5;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const mode = Math.floor((count + 1) * probability);
  for (;;) {
    const u = random.fraction() - 0.5;
    const v = random.fraction();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + c);
    if (us >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    if (k < 0 || k > count || us === 0) continue;
    const height = Math.log((v * alpha) / (a / (us * us) + b));
    const bound =
      (mode + 0.5) * Math.log((mode + 1) / (odds * (count - mode + 1))) +
      (count + 1) * Math.log((count - mode + 1) / (count - k + 1)) +
      (k + 0.5) * Math.log((odds * (count - k + 1)) / (k + 1)) +
      stirlingTail(mode) +
      stirlingTail(count - mode) -
      stirlingTail(k) -
      stirlingTail(count - k);
    if (height <= bound) return k;
  }
}

const SMALL_TAILS = [
  0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.020790672103765, 0.0166446911898211, 0.0138761288230707,
  0.0118967099458917, 0.010411265261972, 0.0092554621827127, 0.0083305634333628,
];

/** What Stirling's formula leaves out of ln k!. */
function stirlingTail(k: number): number {
  const small = SMALL_TAILS[k];
  if (small !== undefined) return small;
  const square = (k + 1) ** 2;
  return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1);
}
