/**
 * What may be set: weights in percent for backends of a split, within the limits that its file has.
 */
import { closestName } from "../model/closest-name.ts";
import type { Split } from "../model/intent-split.ts";
import { percentText, WHOLE } from "../model/live-weights.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { Shares } from "./split-document.ts";

/** Why weights cannot be set. */
export interface RefusedWeights {
  /** limit: they are well-formed, and the file forbids them. */
  readonly kind: "invalid" | "limit";
  readonly message: string;
}

/** Nobody means a millionth of the requests. */
const SMALLEST_PERCENT = 0.01;

/**
 * The shares of all backends for weights in percent. One backend may be left out and has what is left of 100; `now` are
 * the shares in force, for the limits.
 */
export function sharesFor(
  split: Split,
  percents: Readonly<Record<string, number>>,
  now: Shares,
): Result<Shares, RefusedWeights> {
  const names = split.backends.map(({ name }) => name);
  for (const [name, percent] of Object.entries(percents)) {
    const wrong = wrongWeight(split.name, names, { name, percent });
    if (wrong !== undefined) return err({ kind: "invalid", message: wrong });
  }
  const named = names.filter((name) => Object.hasOwn(percents, name));
  if (named.length === 0)
    return err({ kind: "invalid", message: `name a backend of ${split.name}: ${names.join(", ")}` });
  const sum = named.reduce((total, name) => total + toShare(percents[name] ?? 0), 0);
  const left = names.filter((name) => !named.includes(name));
  if (sum > WHOLE || (left.length !== 1 && sum !== WHOLE)) {
    const others = left.length > 1 ? `; the others are ${left.join(", ")}` : "";
    return err({ kind: "invalid", message: `the weights add up to ${percentText(sum)}, and must to 100 %${others}` });
  }
  const shares = Object.fromEntries(
    names.map((name) => [
      name,
      named.includes(name) ? toShare(percents[name] ?? 0) : left.length === 1 ? WHOLE - sum : 0,
    ]),
  );
  const beyond = beyondLimit(split, shares, now);
  return beyond === undefined ? ok(shares) : err({ kind: "limit", message: beyond });
}

function wrongWeight(
  split: string,
  names: readonly string[],
  { name, percent }: { readonly name: string; readonly percent: number },
): string | undefined {
  if (!names.includes(name)) return noSuchBackend(split, names, name);
  if (!(percent >= 0 && percent <= 100)) return `${name}: ${percent} is no share; write 0 to 100, in percent`;
  const isWhole = Math.abs(percent / SMALLEST_PERCENT - Math.round(percent / SMALLEST_PERCENT)) < 1e-6;
  return isWhole ? undefined : `${name}: ${percent} % is too fine; steps of ${SMALLEST_PERCENT} % can be set`;
}

/** `names` are the backends that there are. */
export function noSuchBackend(split: string, names: readonly string[], name: string): string {
  const near = closestName(name, names);
  const wayOut = near === undefined ? `it has ${names.join(", ")}` : `did you mean \`${near}\`?`;
  return `split \`${split}\` has no backend \`${name}\`: ${wayOut}`;
}

/** What is more than the limits allow, in words; `now` are the shares in force. */
export function beyondLimit(split: Pick<Split, "name" | "backends">, shares: Shares, now: Shares): string | undefined {
  for (const { name, limit, at } of split.backends) {
    const share = shares[name] ?? 0;
    const step = share - (now[name] ?? 0);
    const place = `${at.file}:${at.line}`;
    if (step <= 0) continue;
    if (limit?.max !== undefined && share > toShare(limit.max)) {
      return `${name} may have ${limit.max} % at most, by the limits of split \`${split.name}\` (${place})`;
    }
    if (limit?.maxStep !== undefined && step > toShare(limit.maxStep)) {
      return (
        `${name} may grow by ${limit.maxStep} % at once, by the limits of split \`${split.name}\` (${place}); ` +
        `it has ${percentText(now[name] ?? 0)}`
      );
    }
  }
  return undefined;
}

function toShare(percent: number): number {
  return Math.round(percent / SMALLEST_PERCENT);
}
