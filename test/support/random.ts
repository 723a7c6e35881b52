/**
 * Random numbers from a seed, so that a failing run can be repeated exactly: the mulberry32 generator.
 */

/** A source of choices; the same seed gives the same ones for ever. */
export interface Random {
  /** A number from 0 up to, but not including, 1. */
  fraction(): number;
  /** A whole number from 0 up to, but not including, `below`. */
  int(below: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the items, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
}

/** A source that starts at `seed`. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number) => Math.floor(next() * below);
  return {
    fraction: next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[int(items.length)];
      if (item === undefined) throw new Error("there is nothing to pick from");
      return item;
    },
    weighted: (weights) => {
      let sum = 0;
      for (const name in weights) sum += weights[name];
      let at = next() * sum;
      for (const name in weights) {
        at -= weights[name];
        if (at < 0) return name;
      }
      throw new Error("no weight is positive");
    },
  };
}
