/**
 * A key and its value as they come over the wire, in the form of `EtcdPort`.
 */
import type { KeyValue } from "../gen/etcd/kv.ts";
import type { Entry } from "./etcd-port.ts";

export function entryOf({ key, value, createRevision, modRevision, lease }: KeyValue): Entry {
  return {
    key: Buffer.from(key).toString("utf8"),
    value,
    createRevision: Number(createRevision),
    modRevision: Number(modRevision),
    leaseId: lease === 0n ? undefined : String(lease),
  };
}
