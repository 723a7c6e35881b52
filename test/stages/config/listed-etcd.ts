/** An etcd that is only a list, at revision 10, and tells of later changes when a test does. */
import type { Entry, EtcdPort, WatchListener } from "../../../src/etcd/etcd-port.ts";

export const entry = (key: string, modRevision: number): Entry => ({
  key,
  value: Buffer.from(`value of ${key}`),
  createRevision: modRevision,
  modRevision,
  leaseId: undefined,
});

/** Counts listings, and says which prefixes are watched. */
export function listedEtcd(entries: readonly Entry[]) {
  const listings: string[] = [];
  const watched = new Map<string, WatchListener>();
  const refuse = () => Promise.reject(new Error("nobody writes here"));
  const port: EtcdPort = {
    list: (prefix) => {
      listings.push(prefix);
      const found = entries.filter(({ key }) => key.startsWith(prefix));
      return Promise.resolve({ clusterId: "1", revision: 10, entries: found });
    },
    watch: (prefix, _fromRevision, listener) => {
      watched.set(prefix, listener);
      return { ping: () => undefined, close: () => watched.delete(prefix) };
    },
    transact: refuse,
    grantLease: refuse,
    keepAlive: refuse,
    revokeLease: refuse,
    close: () => undefined,
  };
  return { port, listings, watched };
}
