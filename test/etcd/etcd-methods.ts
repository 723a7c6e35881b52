/** An etcd for tests that put something in front of one of its methods. */
import type { EtcdPort } from "../../src/etcd/etcd-port.ts";

/** All methods of a port, to be replaced one by one. */
export function methodsOf(port: EtcdPort): EtcdPort {
  return {
    list: (prefix) => port.list(prefix),
    transact: (conditions, writes) => port.transact(conditions, writes),
    watch: (prefix, fromRevision, listener) => port.watch(prefix, fromRevision, listener),
    grantLease: (seconds) => port.grantLease(seconds),
    keepAlive: (leaseId) => port.keepAlive(leaseId),
    revokeLease: (leaseId) => port.revokeLease(leaseId),
    close: () => port.close(),
  };
}
