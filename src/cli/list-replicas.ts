/**
 * The replicas that share an etcd, as each of them says of itself there at this moment.
 */
import type { ReplicaList } from "../admin/admin-views.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { REPLICAS_PREFIX, readReplicaRecord } from "../fleet/replica-record.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** Sorted by id; why there is no list when etcd does not answer. A record that cannot be read is left out. */
export async function listReplicas(etcd: EtcdPort, self: string): Promise<Result<ReplicaList, string>> {
  try {
    const { entries } = await etcd.list(REPLICAS_PREFIX);
    const replicas = entries.flatMap(({ key, value }) => {
      const id = key.slice(REPLICAS_PREFIX.length);
      const record = readReplicaRecord(value);
      return record === undefined ? [] : [{ ...record, id, isSelf: id === self }];
    });
    return ok(replicas);
  } catch (cause) {
    if (cause instanceof EtcdError) return err(cause.message);
    throw cause;
  }
}
