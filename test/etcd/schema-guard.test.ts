/** Who may write to a real etcd by the schema that is in it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { NewerSchema } from "../../src/store/schema-guard.ts";
import { SchemaGuard } from "../../src/store/schema-guard.ts";
import { systemClock } from "../../src/support/clock.ts";

const KEY = "/fairway/schema";

let cluster: EtcdCluster;
let client: EtcdClient;

beforeAll(async () => {
  cluster = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: cluster.endpoints, clock: systemClock });
});

afterAll(async () => {
  client.close();
  await cluster[Symbol.asyncDispose]();
});

beforeEach(async () => {
  const { entries } = await client.list("/");
  for (const { key } of entries) await client.transact([], [{ kind: "delete", key }]);
});

const put = (key: string, value: string) => ({ kind: "put", key, value: Buffer.from(value) }) as const;

async function text(key: string): Promise<string | undefined> {
  const found = (await client.list(key)).entries.find((entry) => entry.key === key);
  return found && Buffer.from(found.value).toString();
}

function guard(told: (NewerSchema | undefined)[] = []): SchemaGuard {
  return new SchemaGuard({ etcd: client, by: "the test", onChange: (newer) => void told.push(newer) });
}

describe("a schema", () => {
  test("is written with the first thing that is, and stays as it is afterwards", async () => {
    const one = guard();
    expect(await one.transact([], [put("/fairway/a", "1")])).toMatchObject({ ok: true });
    expect(JSON.parse((await text(KEY)) ?? "")).toEqual({ schema: 1, by: "the test" });
    const before = (await client.list(KEY)).entries[0]?.modRevision;
    await one.transact([], [put("/fairway/a", "2")]);
    await guard().transact([], [put("/fairway/a", "3")]);
    expect((await client.list(KEY)).entries[0]?.modRevision).toBe(before);
    expect(await text("/fairway/a")).toBe("3");
  });

  test("holds nobody up who writes at the same time for the first time", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, (_, index) => guard().transact([], [put(`/fairway/${index}`, "x")])),
    );
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true, true]);
  });

  test("that was raised after it was read lets nothing through, and says both numbers and the way out", async () => {
    const told: (NewerSchema | undefined)[] = [];
    const one = guard(told);
    await one.transact([], [put("/fairway/a", "1")]);
    await client.transact([], [put(KEY, '{"schema":7,"by":"fairway 9","more":[1]}')]);
    for (const write of [put("/fairway/a", "2"), { kind: "delete", key: "/fairway/a" } as const]) {
      await expect(one.transact([], [write])).rejects.toMatchObject({
        kind: "newer",
        message:
          "etcd holds schema 7 (fairway 9), and this Fairway writes schema 1: it reads on and writes nothing there; update this one",
      });
    }
    expect(await text("/fairway/a")).toBe("1");
    expect(told).toEqual([{ stored: 7, own: 1, by: "fairway 9" }]);
    await client.transact([], [{ kind: "delete", key: KEY }]);
    expect(await one.transact([], [put("/fairway/a", "2")])).toMatchObject({ ok: true });
    expect(told.at(-1)).toBeUndefined();
  });

  test("that is no number lets nothing through either, and says which key it is", async () => {
    await client.transact([], [put(KEY, "nonsense")]);
    const write = guard().transact([], [put("/fairway/a", "1")]);
    await expect(write).rejects.toThrow(/\/fairway\/schema in etcd holds no schema number.*delete that key/);
    expect(await text("/fairway/a")).toBeUndefined();
  });

  test("is no matter for what everybody writes, and none for reading", async () => {
    await client.transact([], [put(KEY, '{"schema":7}'), put("/fairway/a", "1")]);
    const one = guard();
    expect(await one.transact([], [put("/services/shop/one", "10.0.0.1:80")])).toMatchObject({ ok: true });
    expect((await one.list("/fairway/a")).entries.length).toBe(1);
    const lost = await one.transact([{ kind: "revision", key: "/fairway/a", modRevision: -1 }], []);
    expect(lost.ok ? [] : [...lost.current.keys()]).toEqual(["/fairway/a"]);
  });

  test("is not among what a writer is told who has lost to somebody else", async () => {
    const one = guard();
    await one.transact([], [put("/fairway/a", "1")]);
    const lost = await one.transact(
      [{ kind: "revision", key: "/fairway/a", modRevision: 0 }],
      [put("/fairway/a", "2")],
    );
    expect(lost.ok ? [] : [...lost.current.keys()]).toEqual(["/fairway/a"]);
  });
});
