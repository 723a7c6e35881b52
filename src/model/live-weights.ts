/**
 * The weights of a split as they are in force: those of the file, or those that somebody has set since.
 *
 * Set weights are shares in hundredths of a percent, so that their sum is 10,000 whatever the file's weights are. What
 * the file takes away from a split is left out of them; when nothing is left, the file's own weights are in force.
 * Beside them, copies of some requests may go to one of the backends, which changes no weight.
 */
import type { Mirror } from "./intent-filter.ts";
import type { Split, SplitBackend, SplitWatch } from "./intent-split.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { defined } from "./sort.ts";

/** What all shares together are. */
export const WHOLE = 10_000;

/** What somebody has set, by the names of backends. */
export interface LiveWeights {
  readonly split: string;
  /** Of the state that they are from; grows with every change. */
  readonly revision: number;
  /** Undefined when the file's weights are in force again. */
  readonly shares: Readonly<Record<string, number>> | undefined;
  /** Those of the file that whoever set them knew; absent when that is not known. */
  readonly fileShares?: Readonly<Record<string, number>> | undefined;
  /** Present while a rollout moves the split. */
  readonly watch?: SplitWatch | undefined;
  /** Absent while no requests are copied. */
  readonly mirror?: LiveMirror | undefined;
}

/** Copies of requests, whose answers nobody gets. */
export interface LiveMirror {
  /** Where they go, by the name of the backend. */
  readonly backend: string;
  /** Of the requests, in hundredths of a percent. */
  readonly share: number;
}

/** What live weights were made into the last time, so that the same stay the same object. */
export type LiveMemo = WeakMap<Split, { readonly live: LiveWeights | undefined; readonly result: Split }>;

/** The split with the weights in force. */
export function withLiveWeights(split: Split, live: LiveWeights | undefined, memo: LiveMemo): Split {
  const known = memo.get(split);
  if (known !== undefined && known.live === live) return known.result;
  const shares = sharesInForce(split, live);
  // Whoever is told by a hash of the whole must not move because the whole is another.
  const isWritten = split.sticky === undefined && (live?.shares === undefined || shares === undefined);
  const backends = isWritten ? split.backends : backendsInForce(split, live);
  const mirror = mirrorInForce(split, live?.mirror);
  const watch = live?.watch;
  const isAsWritten = isWritten && mirror === undefined && watch === undefined;
  const result = isAsWritten ? split : { ...split, backends, ...defined({ mirror, watch }) };
  memo.set(split, { live, result });
  return result;
}

function backendsInForce(split: Split, live: LiveWeights | undefined): readonly SplitBackend[] {
  const inForce = sharesOf(split, live);
  const ofFile = sharesOf(split, undefined);
  return split.backends.map((each): SplitBackend => {
    const own = split.sticky === undefined ? each.weight : (ofFile[each.name] ?? 0);
    return { ...each, weight: inForce[each.name] ?? 0, ...(live?.shares === undefined ? {} : { fileWeight: own }) };
  });
}

/** Nothing when the file has taken the backend away. */
function mirrorInForce({ backends }: Split, live: LiveMirror | undefined): Mirror | undefined {
  const backend = backends.find(({ name }) => name === live?.backend);
  if (backend === undefined || live === undefined) return undefined;
  const { at, service, subset } = backend;
  return { at, service, ...defined({ subset }), percent: live.share / 100 };
}

/** The shares of all backends in hundredths of a percent; their sum is 10,000. */
export function sharesOf(split: Split, live: LiveWeights | undefined): Readonly<Record<string, number>> {
  return sharesInForce(split, live) ?? apportion(split.backends.map(({ name, weight }) => [name, weight]));
}

/** What was set, as far as the file still has it. */
function sharesInForce(
  { backends }: Split,
  live: LiveWeights | undefined,
): Readonly<Record<string, number>> | undefined {
  const { shares } = live ?? {};
  if (shares === undefined) return undefined;
  const left = backends.map(({ name }) => [name, Object.hasOwn(shares, name) ? (shares[name] ?? 0) : 0] as const);
  return left.every(([, share]) => share === 0) ? undefined : apportion(left);
}

/** Whole numbers in the same relation with the sum 10,000: the largest remainders are rounded up, none that is 0. */
function apportion(weights: readonly (readonly [name: string, weight: number])[]): Readonly<Record<string, number>> {
  const sum = weights.reduce((total, [, weight]) => total + weight, 0);
  const exact = weights.map(([name, weight]) => ({ name, share: (weight / sum) * WHOLE }));
  const shares = new Map(exact.map(({ name, share }) => [name, Math.floor(share)]));
  let missing = WHOLE - [...shares.values()].reduce((total, share) => total + share, 0);
  for (const { name, share } of exact.toSorted((a, b) => (b.share % 1) - (a.share % 1))) {
    if (missing === 0 || share === 0) break;
    shares.set(name, Math.floor(share) + 1);
    missing -= 1;
  }
  return Object.fromEntries(shares);
}

/** What does not fit between the file and what was set; it is served all the same. */
export function liveWarnings(splits: readonly Split[], live: ReadonlyMap<string, LiveWeights>): readonly Diagnostic[] {
  return splits.flatMap((split) => {
    const set = live.get(split.name);
    if (set?.shares === undefined) return [];
    return [...goneBackends(split, set.shares), ...beyondLimits(split, set.shares), ...hiddenDefault(split, set)];
  });
}

/** Whoever writes another default means it, and would look in vain for what it does. */
function hiddenDefault(split: Split, live: LiveWeights): readonly Diagnostic[] {
  const { fileShares } = live;
  const [own, inForce] = [sharesOf(split, undefined), sharesOf(split, live)];
  if (fileShares === undefined || areSameShares(own, fileShares) || areSameShares(own, inForce)) return [];
  const message = `the default of split \`${split.name}\` is another now (${sharesText(own)}), and nobody gets it: ${sharesText(inForce)} is set, by change ${live.revision}`;
  return [warning(split.at, message, split.name)];
}

/** Whether they are the same to requests: a backend without a share may be left out. */
export function areSameShares(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  return [...Object.keys(a), ...Object.keys(b)].every((name) => (a[name] ?? 0) === (b[name] ?? 0));
}

function sharesText(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares)
    .map(([name, share]) => `${name} ${percentText(share)}`)
    .join(", ");
}

function goneBackends(split: Split, shares: Readonly<Record<string, number>>): readonly Diagnostic[] {
  const names = new Set(split.backends.map(({ name }) => name));
  const gone = Object.keys(shares).filter((name) => !names.has(name) && (shares[name] ?? 0) > 0);
  return gone.map((name) =>
    warning(
      split.at,
      `\`${name}\` has a live weight of ${percentText(shares[name] ?? 0)}, and split \`${split.name}\` has no such backend any more; the others share it`,
      split.name,
    ),
  );
}

function beyondLimits(split: Split, shares: Readonly<Record<string, number>>): readonly Diagnostic[] {
  return split.backends.flatMap(({ name, at, limit }) => {
    const share = shares[name] ?? 0;
    if (limit?.max === undefined || share <= limit.max * 100) return [];
    return warning(
      at,
      `the live weight of \`${name}\` is ${percentText(share)}, above its limit of ${limit.max} %; it stays until somebody sets another`,
      split.name,
    );
  });
}

function warning(at: Diagnostic["at"], message: string, split: string): Diagnostic {
  const hint = `set other weights, or go back to those of the file: fairway split reset ${split}`;
  return { code: "live-weights", severity: "warning", message, at, hint };
}

/** `12.5 %` */
export function percentText(share: number): string {
  return `${share / 100} %`;
}
