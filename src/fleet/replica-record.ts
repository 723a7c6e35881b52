/**
 * What each Fairway that has an etcd says of itself there, for those who wait until all Envoys know of a change.
 *
 * The key goes with a lease of its own, so that whoever is there is alive; the value is JSON. A reader takes no notice
 * of what it does not know, because replicas of two versions run side by side during every update.
 */
import * as z from "zod";
import { CONFIG_PREFIX } from "../config/etcd-documents.ts";
import type { Positions } from "../etcd/positions.ts";

/** Below it is a key for each replica. */
export const REPLICAS_PREFIX = "/fairway/replicas/";

const revision = z.number().int().min(0);

const schema = z.object({
  startedAtMs: z.number(),
  /** Where its admin API is, `host:port` as it was told to listen. */
  admin: z.string(),
  /** How many of its Envoys count; older replicas do not say. */
  nodesCount: z.number().int().min(0).optional(),
  /** Up to here it has taken all that registered. */
  registryRevision: revision,
  /** Up to here everything that registered is acknowledged by every Envoy that counts. */
  acknowledgedRevision: revision,
  /** The same by the prefix that it follows, the config's among them: of one that is not here it knows nothing. */
  prefixes: z.record(z.string(), z.object({ registryRevision: revision, acknowledgedRevision: revision })),
  /** Where something registers and no service of its config looks, the first of it; absent when it does not know yet. */
  unnamed: z.array(z.string()).optional(),
});

export type ReplicaRecord = z.infer<typeof schema>;

/** The record of a replica; revisions by prefix, where what is not acknowledged is missing. */
export function replicaRecord(
  self: Pick<ReplicaRecord, "startedAtMs" | "admin" | "nodesCount" | "unnamed">,
  reached: Positions,
  acknowledged: Positions,
): ReplicaRecord {
  const prefixes = Object.fromEntries(
    [...reached].map(([prefix, registryRevision]) => [
      prefix,
      { registryRevision, acknowledgedRevision: acknowledged.get(prefix) ?? 0 },
    ]),
  );
  const all = Object.entries(prefixes).flatMap(([prefix, each]) => (prefix === CONFIG_PREFIX ? [] : [each]));
  const least = (values: readonly number[]) => (values.length === 0 ? 0 : Math.min(...values));
  return {
    ...self,
    registryRevision: least(all.map((each) => each.registryRevision)),
    acknowledgedRevision: least(all.map((each) => each.acknowledgedRevision)),
    prefixes,
  };
}

/** Reads a value; undefined for what is no record. */
export function readReplicaRecord(value: Uint8Array): ReplicaRecord | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(value).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Whether its Envoys may not have the change that a key got at a revision. */
export function isBehind(
  { prefixes }: ReplicaRecord,
  change: { readonly key: string; readonly revision: number },
): boolean {
  return Object.entries(prefixes).some(
    ([prefix, { acknowledgedRevision }]) => change.key.startsWith(prefix) && acknowledgedRevision < change.revision,
  );
}

/**
 * Whether it says that no service of its config has the instances below a prefix where something registers; one that does
 * not know, or is older, does not.
 */
export function saysUnnamed({ prefixes, unnamed }: ReplicaRecord, prefix: string): boolean {
  if (unnamed === undefined) return false;
  return unnamed.includes(prefix) || !Object.keys(prefixes).some((followed) => prefix.startsWith(followed));
}
