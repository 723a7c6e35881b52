/**
 * The clock of a replica is set by an hour while it runs, with a real Envoy on it.
 *
 * The same was seen by hand with libfaketime around the replica, and with an etcd whose own clock was set in that way: it was
 * built with a Go in which the time of day comes with an offset from a file.
 */
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/etcd/etcd-port.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { HOUR_MS, ShiftedClock } from "./clock.ts";
import { ran } from "./fairway-command.ts";
import { postToEtcd } from "./gateway.ts";
import { Replicas } from "./replicas.ts";

interface NodesView {
  readonly nodes: readonly { readonly lastSeen: string; readonly status: string }[];
}

describe("a replica whose clock jumps by an hour, there and back,", () => {
  test("keeps its leases, hears of changes, tells its Envoy, counts for drains, and shows true times", async () => {
    await using directory = await tempDir();
    const clock = new ShiftedClock(directory.join("clock"));
    await using replicas = await Replicas.start({ count: 1, backends: 2, envOf: () => clock.env });
    const { fairway } = replicas.at(0);
    const { etcd, client } = replicas;
    const own = async (): Promise<readonly Entry[]> =>
      (await Promise.all(["/fairway/replicas/", "/fairway/fleet/"].map((prefix) => client.list(prefix)))).flatMap(
        ({ entries }) => entries,
      );
    const leases = async () => (await own()).map(({ leaseId }) => leaseId ?? "");
    await eventually("both keys", async () => (await own()).length === 2);
    const before = await leases();
    /** How long a lease has at the most, in seconds, without a sign of life from now on. */
    const left = async (lease: string) =>
      Number((await postToEtcd(etcd.first.endpoint, "lease/timetolive", { ID: lease })).TTL);
    for (const byMs of [HOUR_MS, -HOUR_MS]) {
      clock.jump(byMs);
      await replicas.put("/services/shop/two", replicas.backends[1]?.address ?? "");
      await eventually("both endpoints", async () => (await replicas.membersCount()) === 2);
      await eventually("its mark, with the time of that clock", async () => {
        const [mark] = (await client.list("/fairway/served/")).entries;
        const { at } = JSON.parse(Buffer.from(mark?.value ?? "{}").toString()) as { readonly at: string };
        return Math.abs(Date.parse(at) - Date.now() - byMs) < HOUR_MS / 2;
      });
      const flags = ["--etcd", `http://${etcd.first.endpoint}`, "--service", "shop", "--id", "two", "--wait"];
      const drained = await ran("drain", ...flags);
      expect(drained.text).toContain("all Envoys of one replica have it");
      await replicas.remove("/services/shop/two");
      await eventually("one endpoint", async () => (await replicas.membersCount()) === 1);
      for (const lease of before) {
        let last = Infinity;
        await eventually(`a sign of life of lease ${lease}`, async () => {
          const now = await left(lease);
          const isKept = now > last;
          last = now;
          return isKept;
        });
      }
      expect(await leases()).toEqual(before);
      const { nodes } = await fairway.get<NodesView>("/v1/nodes");
      expect(nodes.map(({ status }) => status)).toEqual(["synced"]);
      expect(Math.abs(Date.parse(nodes[0]?.lastSeen ?? "") - Date.now())).toBeLessThan(60_000);
    }
  });
});
