/**
 * What is left of a service when one of its instances takes no new requests any more.
 *
 * When the last one drains Envoys use it all the same: with too few healthy hosts they take all, which is their panic
 * threshold. When it then ends, requests fail.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { readInstance } from "../model/read-instance.ts";

/** Envoy's own: with fewer healthy hosts, in percent, it uses all. A service may say something else. */
const PANIC_PERCENT = 50;

/** The others below the prefix of a service. */
export interface OtherInstances {
  readonly count: number;
  /** Those that take new requests. */
  readonly readyCount: number;
  /** Up to where this was read. */
  readonly revision: number;
}

/** All instances but the one with this key; what is no instance counts for nothing. */
export async function otherInstances(
  etcd: EtcdPort,
  { prefix, key }: { readonly prefix: string; readonly key: string },
): Promise<OtherInstances> {
  const { entries, revision } = await etcd.list(prefix);
  const others = entries.flatMap((entry) => {
    if (entry.key === key) return [];
    const read = readInstance({ key: entry.key, value: entry.value, revision: entry.modRevision }, prefix);
    return read.ok ? [read.value] : [];
  });
  const ready = others.filter(({ health }) => health === undefined || health === "healthy");
  return { count: others.length, readyCount: ready.length, revision };
}

/** What whoever drains ought to know, or undefined. */
export function drainWarning(key: string, { count, readyCount }: OtherInstances): string | undefined {
  if (readyCount === 0) {
    const others = count === 0 ? "the only instance of its service" : `the last of ${count + 1} that takes requests`;
    return `${key} is ${others}: Envoys send requests to it as long as it is there, and when it ends they fail`;
  }
  if (readyCount * 100 >= PANIC_PERCENT * (count + 1)) return undefined;
  return (
    `${readyCount} of ${count + 1} instances are left that take requests, fewer than half: ` +
    "below their panic threshold Envoys use those that drain as well"
  );
}
