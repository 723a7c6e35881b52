/**
 * Splits as the admin API writes them: shares become percent, moments become times.
 */
import type { LiveMirror } from "../model/live-weights.ts";
import { sharesOf } from "../model/live-weights.ts";
import { liveOf } from "../rollout/change-split.ts";
import type { Shares, SplitChange } from "../rollout/split-document.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import { isoTime } from "./iso-time.ts";
import type { SplitChangeJson, SplitJson } from "./split-schema.ts";

export function splitJson(standing: SplitStanding): SplitJson {
  const { split, document, groups, state, acknowledgedCount, pendingCount, rejectedCount, laggards } = standing;
  const [last] = document.history;
  return {
    name: split.name,
    at: split.at,
    number: document.number,
    source: document.shares === undefined ? "file" : "live",
    definedBy: standing.isLastKnownGood === true ? "last-known-good" : "config",
    weights: percents(sharesOf(split, liveOf(split.name, document))),
    default: percents(sharesOf(split, undefined)),
    ...mirrorJson(document.mirror),
    backends: split.backends.map(({ name, service, subset, limit }) => ({
      name,
      service,
      ...(subset === undefined ? {} : { subset }),
      ...(limit === undefined ? {} : { limit }),
    })),
    ...(document.leaseEndsAtMs === undefined ? {} : { leaseEnds: isoTime(document.leaseEndsAtMs) }),
    ...(last === undefined ? {} : { lastChange: splitChangeJson(last) }),
    groups: [...groups],
    state,
    acknowledgedCount,
    pendingCount,
    rejectedCount,
    laggards: laggards.map(({ nodeId, state: lag, reason }) => ({
      node: nodeId,
      state: lag,
      ...(reason === undefined ? {} : { reason }),
    })),
  };
}

export function splitChangeJson(change: SplitChange): SplitChangeJson {
  const { number, kind, before, after, mirror, actor, reason, atMs, leaseEndsAtMs } = change;
  return {
    number,
    kind,
    before: percents(before),
    after: percents(after),
    ...mirrorJson(mirror),
    actor,
    actorVerified: false,
    ...(reason === undefined ? {} : { reason }),
    at: isoTime(atMs),
    ...(leaseEndsAtMs === undefined ? {} : { leaseEnds: isoTime(leaseEndsAtMs) }),
  };
}

function mirrorJson(mirror: LiveMirror | undefined): Pick<SplitJson, "mirror"> {
  return mirror === undefined ? {} : { mirror: { backend: mirror.backend, percent: mirror.share / 100 } };
}

function percents(shares: Shares): Record<string, number> {
  return Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, share / 100]));
}
