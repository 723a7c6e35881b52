/**
 * Waiting until all Envoys of all replicas have what was written to a key of the registry.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { ReplicaRecord } from "../fleet/replica-record.ts";
import { REPLICAS_PREFIX, isBehind, readReplicaRecord, saysUnnamed } from "../fleet/replica-record.ts";
import { systemClock } from "../support/clock.ts";
import { listReplicas } from "./list-replicas.ts";

/** What is waited for. */
export interface AwaitedChange {
  readonly key: string;
  /** Of the service, when it is one of an instance. */
  readonly prefix?: string;
  readonly revision: number;
  readonly timeoutMs: number;
  /** Ends the wait as if the time were over. */
  readonly signal?: AbortSignal;
}

/** What came of it: the ids of the replicas that have it, and of those that do not. */
export interface Awaited {
  readonly reached: readonly string[];
  readonly behind: readonly string[];
  /** How many Envoys count, of all of them; undefined when one of the replicas is too old to say. */
  readonly nodesCount: number | undefined;
  /** The prefix, when all replicas say that none of their services is there. */
  readonly unnamed?: string | undefined;
  /** Nothing was read of etcd: nobody is known. */
  readonly isUnknown: boolean;
}

/** Resolves when no replica is behind, or the time is over. A replica that follows no such prefix is not behind. */
export async function awaitReplicas(etcd: EtcdPort, awaited: AwaitedChange): Promise<Awaited> {
  let last: Awaited = { reached: [], behind: [], nodesCount: undefined, isUnknown: true };
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const timer = setTimeout(end, awaited.timeoutMs);
  awaited.signal?.addEventListener("abort", () => end(), { once: true });
  if (awaited.signal?.aborted === true) end();
  const follower = new PrefixFollower({
    etcd,
    prefix: REPLICAS_PREFIX,
    clock: systemClock,
    random: Math.random,
    follower: {
      changed: (entries) => {
        const replicas = [...entries.values()].flatMap(({ key, value }) => {
          const record = readReplicaRecord(value);
          return record === undefined ? [] : [{ id: key.slice(REPLICAS_PREFIX.length), record }];
        });
        const { prefix } = awaited;
        // Who has no such service tells no Envoy of it, whatever else it waits for.
        const isAwaited = (record: ReplicaRecord) =>
          isBehind(record, awaited) && !(prefix !== undefined && saysUnnamed(record, prefix));
        const behind = replicas.filter(({ record }) => isAwaited(record)).map(({ id }) => id);
        const reached = replicas.map(({ id }) => id).filter((id) => !behind.includes(id));
        last = {
          reached,
          behind,
          nodesCount: sumOf(replicas.map(({ record }) => record.nodesCount)),
          isUnknown: false,
          unnamed: whenUnnamed(replicas, prefix),
        };
        if (behind.length === 0) end();
      },
      contact: () => undefined,
    },
  });
  await over;
  clearTimeout(timer);
  follower.close();
  return last;
}

function sumOf(counts: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const count of counts) {
    if (count === undefined) return undefined;
    sum += count;
  }
  return sum;
}

/** For people, when all replicas that there are say that no service of theirs is below a prefix; else undefined. */
export async function describeUnnamed(etcd: EtcdPort, prefix: string): Promise<string | undefined> {
  const listed = await listReplicas(etcd, "");
  const replicas = listed.ok ? listed.value.map((record) => ({ record })) : [];
  return whenUnnamed(replicas, prefix) === undefined ? undefined : nobodyNames(prefix);
}

function whenUnnamed(
  replicas: readonly { readonly record: ReplicaRecord }[],
  prefix: string | undefined,
): string | undefined {
  if (prefix === undefined || replicas.length === 0) return undefined;
  return replicas.every(({ record }) => saysUnnamed(record, prefix)) ? prefix : undefined;
}

function nobodyNames(prefix: string): string {
  return `no config names a service below ${prefix}, so no Envoy is told`;
}

/** For people. */
export function describeAwaited({ reached, behind, nodesCount, isUnknown, unnamed }: Awaited): string {
  if (unnamed !== undefined) return nobodyNames(unnamed);
  if (isUnknown) return "etcd did not say which replicas there are";
  if (behind.length > 0) return `not all Envoys of ${behind.join(", ")} have it`;
  if (reached.length === 0) return "there is no Fairway that could have told an Envoy";
  const replicas = reached.length === 1 ? "one replica" : `${reached.length} replicas`;
  if (nodesCount === 0) return `${replicas} took it, and no Envoy that takes changes is connected there`;
  return `all Envoys of ${replicas} have it`;
}
