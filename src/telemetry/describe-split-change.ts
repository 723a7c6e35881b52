/**
 * A change of a split's weights as a sentence: what it was and is, who did it and why, and until when.
 */
import { percentText } from "../model/live-weights.ts";
import type { SplitEvent } from "./event.ts";
import { printable } from "./printable.ts";

/** `shop: stable 100 → 90 %, canary 0 → 10 %, set by ci (unverified): v2`. */
export function describeSplitChange({ split, change }: SplitEvent): string {
  const { before, after, mirror, kind, actor, reason, leaseEndsAtMs } = change;
  const moved = Object.entries(after).flatMap(([name, share]) => {
    const was = before[name] ?? 0;
    return was === share ? [] : [`${name} ${was / 100} → ${percentText(share)}`];
  });
  const copies = mirror === undefined ? "" : `, ${percentText(mirror.share)} mirrored to ${mirror.backend}`;
  const weights = `${moved.length === 0 ? "weights as before" : moved.join(", ")}${copies}`;
  const how = {
    set: `set by ${printable(actor)} (unverified)`,
    reset: `back to those of the file by ${printable(actor)} (unverified)`,
    expired: "back to those of the file, because the lease is over",
    kept: "they stay, although the lease is over",
  }[kind];
  const why = reason === undefined || kind === "expired" || kind === "kept" ? "" : `: ${printable(reason)}`;
  const until = leaseEndsAtMs === undefined ? "" : `, until ${new Date(leaseEndsAtMs).toISOString()} unless renewed`;
  return `${split}: ${weights}, ${how}${why}${until}`;
}
