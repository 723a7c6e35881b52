/**
 * What is left of a service when one of its instances takes no new requests any more, and whether it is the one that
 * Envoys have: of two keys with one address only the one that came first counts.
 *
 * Hosts that drain are left out when Envoy looks whether enough of them are healthy, so any number may drain. But when
 * nobody else takes requests it uses them all the same, and when the last one then ends, requests fail.
 */
import { compareAges, registryEntry } from "../config/registry-change.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Endpoint } from "../model/intent-service.ts";
import { readInstance } from "../model/read-instance.ts";

/** Envoy's own: with fewer healthy ones, in percent of those that do not drain, it uses all hosts. A service may say something else. */
const PANIC_PERCENT = 50;

/** The others below the prefix of a service, each address once. */
export interface OtherInstances {
  readonly count: number;
  /** Those that take new requests. */
  readonly readyCount: number;
  /** Those that have said that they are not well. */
  readonly unhealthyCount: number;
  /** Up to where this was read. */
  readonly revision: number;
  /** Why this one is no instance; Envoys do not have it then. */
  readonly refused: string | undefined;
  /** The key that has the same address and came first: Envoys have what that one says, and not this one. */
  readonly inForce: string | undefined;
  /** A key that has the same address and came later: it counts when this one goes. */
  readonly successor: string | undefined;
}

/** All instances but the one with this key; what is no instance counts for nothing. */
export async function otherInstances(
  etcd: EtcdPort,
  { prefix, key }: { readonly prefix: string; readonly key: string },
): Promise<OtherInstances> {
  const { entries, revision } = await etcd.list(prefix);
  let refused: string | undefined;
  const byAddress = new Map<string, readonly Keyed[]>();
  for (const entry of entries.map(registryEntry).toSorted(compareAges)) {
    const read = readInstance(entry, prefix);
    if (!read.ok) {
      if (entry.key === key) refused = read.error.message;
      continue;
    }
    const address = `${read.value.host}:${read.value.port}`;
    byAddress.set(address, [...(byAddress.get(address) ?? []), { key: entry.key, endpoint: read.value }]);
  }
  const hosts = [...byAddress.values()];
  const same = hosts.find((keys) => keys.some((each) => each.key === key)) ?? [];
  const others = hosts.flatMap((keys) => (keys === same ? [] : keys.slice(0, 1)));
  const withHealth = (wanted: string) =>
    others.filter(({ endpoint: { health = "healthy" } }) => health === wanted).length;
  const [first, second] = same.map((each) => each.key);
  const isFirst = first === undefined || first === key;
  return {
    count: others.length,
    readyCount: withHealth("healthy"),
    unhealthyCount: withHealth("unhealthy"),
    revision,
    refused,
    inForce: isFirst ? undefined : first,
    successor: isFirst ? second : undefined,
  };
}

interface Keyed {
  readonly key: string;
  readonly endpoint: Endpoint;
}

/** Of an instance that Envoys do not have, for people. */
export function notInForce(key: string, inForce: string): string {
  return `${key} is not in force: ${inForce} has the same address and came first`;
}

/** Of an instance that is about to go. */
export function succeeds(key: string, successor: string): string {
  return `${successor} has the same address as ${key}, and gets its requests when it goes`;
}

/** What whoever drains ought to know, or undefined. */
export function drainWarning(
  key: string,
  { count, readyCount, unhealthyCount }: Pick<OtherInstances, "count" | "readyCount" | "unhealthyCount">,
): string | undefined {
  if (readyCount === 0) {
    const others = count === 0 ? "the only instance of its service" : `the last of ${count + 1} that takes requests`;
    return `${key} is ${others}: Envoys send requests to it as long as it is there, and when it ends they fail`;
  }
  const staying = readyCount + unhealthyCount;
  if (readyCount * 100 >= PANIC_PERCENT * staying) return undefined;
  return (
    `${unhealthyCount} of the ${staying} others that do not drain are unhealthy, more than half: ` +
    `Envoys are below their panic threshold and use all, ${key} as well`
  );
}
