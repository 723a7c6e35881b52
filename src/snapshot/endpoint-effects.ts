/**
 * What a change of a load assignment does: which hosts come and go, and whether requests of one key move to another.
 */
import { sameContent } from "../support/same-content.ts";
import type { ChangedContent, Effect, EffectContext, LiveShare } from "./change-effects.ts";
import { isHashing } from "./hashing.ts";
import type { JsonMap } from "./field-changes.ts";
import { addressOf, isMap, itemsOf, textOf } from "./field-changes.ts";

/** So many hosts are named. */
const HOSTS_MAX = 3;

/** Nothing of one that goes: it goes with its cluster. */
export function endpointEffects(
  { kind, before, after }: ChangedContent,
  context: Pick<EffectContext, "cluster" | "liveSharesOf">,
): readonly Effect[] {
  if (kind !== "changed" || before === undefined || after === undefined) return [];
  const [old, now] = [hostsOf(before), hostsOf(after)];
  const come = [...now.keys()].filter((host) => !old.has(host));
  const gone = [...old.keys()].filter((host) => !now.has(host));
  const other = [...now].filter(([host, content]) => old.has(host) && !sameContent(old.get(host), content));
  if (now.size === 0 && old.size > 0) {
    const text = `the last of ${old.size} host${old.size === 1 ? "" : "s"} goes: requests are answered 503`;
    return [{ kind: "endpoints-emptied", weight: "disruptive", text }];
  }
  const changes = [
    ...(come.length === 0 ? [] : [`${hosts(come)} come${come.length === 1 ? "s" : ""}`]),
    ...(gone.length === 0
      ? []
      : [
          `${hosts(gone)} go${gone.length === 1 ? "es" : ""}, with the connections to ${gone.length === 1 ? "it" : "them"}`,
        ]),
    ...(other.length === 0
      ? []
      : [
          `${hosts(other.map(([host]) => host))} ${other.length === 1 ? "has" : "have"} another weight, health, place or label`,
        ]),
  ];
  const what = changes.length === 0 ? "how they are used differs" : changes.join("; ");
  const changed: Effect = {
    kind: "endpoints-changed",
    weight: gone.length > 0 ? "notable" : "quiet",
    text: `hosts only, the cluster stays: ${what}`,
  };
  const name = textOf(after["cluster_name"]);
  return [
    changed,
    ...(come.length === 0 ? [] : context.liveSharesOf(name).map((share) => taken(share, come.length === now.size))),
    ...(changes.length === 0 || !isHashing(context.cluster(name))
      ? []
      : [moved(old.size, come.length + gone.length + other.length)]),
  ];
}

/** Weights that were set for the hosts before are in force for those that come as well, and at once. */
function taken({ backend, split, percent }: LiveShare, areAllNew: boolean): Effect {
  const who = `${backend} has ${percent} % of split ${split} by weights that are set`;
  const text = areAllNew
    ? `${who}; these hosts get all its requests at once`
    : `${who}; hosts that come get their part of its requests at once`;
  return { kind: "live-weights-taken", weight: "notable", text };
}

function moved(before: number, count: number): Effect {
  const text = `moves the hash ring: requests of some keys go to another host from then on (${count} of ${before} hosts differ)`;
  return { kind: "hash-ring-moved", weight: "notable", text };
}

function hosts(names: readonly string[]): string {
  const more = names.length > HOSTS_MAX ? ` and ${names.length - HOSTS_MAX} more` : "";
  return `${names.slice(0, HOSTS_MAX).join(", ")}${more}`;
}

/** By address; what is said of each, and where it is. */
function hostsOf(assignment: JsonMap): ReadonlyMap<string, JsonMap> {
  const found = new Map<string, JsonMap>();
  for (const locality of itemsOf(assignment["endpoints"])) {
    if (!isMap(locality)) continue;
    const { lb_endpoints: own, locality: place = null, priority = 0 } = locality;
    for (const host of itemsOf(own)) {
      if (!isMap(host)) continue;
      const { endpoint = null } = host;
      const address = isMap(endpoint) ? addressOf(endpoint["address"]) : undefined;
      if (address !== undefined) found.set(address, { ...host, place, priority });
    }
  }
  return found;
}
