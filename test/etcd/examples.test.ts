/** What the docs give to paste, and the programs of `examples/etcd-registration` that need no compiler, on a real etcd. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Child } from "../../demo/kit/child.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { Entry } from "../../src/etcd/etcd-port.ts";
import { readInstance } from "../../src/model/read-instance.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually, eventuallyValue } from "../support/eventually.ts";

let etcd: EtcdCluster;
let client: EtcdClient;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
});

afterAll(async () => {
  client.close();
  await etcd[Symbol.asyncDispose]();
});

const path = (name: string) => fileURLToPath(new URL(`../../examples/etcd-registration/${name}`, import.meta.url));

test.each([
  { language: "TypeScript", command: process.execPath, program: path("register.ts") },
  { language: "Python", command: "python3", program: path("register.py") },
])("the service in $language registers, outlives its lease, and drains before it goes", async (each) => {
  const address = `127.0.0.1:${await freePort()}`;
  const key = `/services/shop/${address}`;
  const entry = async (): Promise<Entry | undefined> => (await client.list(key)).entries[0];
  const args = [each.program, `http://${etcd.first.endpoint}`, "shop", address];
  const child = await Child.start({ name: each.language, command: each.command, args });
  const first = await eventuallyValue("the instance", entry);
  const instance = readInstance({ key, value: first.value, revision: first.modRevision }, "/services/shop/");
  expect(instance).toMatchObject({ ok: true, value: { host: "127.0.0.1", labels: { version: "v1" } } });
  expect(await (await fetch(`http://${address}/`)).text()).toBe(`hello from ${each.language}\n`);
  expect(first.leaseId).toBeDefined();
  await client.revokeLease(first.leaseId ?? "");
  const next = await eventuallyValue("another lease", entry);
  expect(next.leaseId).not.toBe(first.leaseId);
  await child.waitForLog(new RegExp(`registered ${key} again`));
  const second = await Child.start({ name: "the same address", command: each.command, args });
  expect((await second.exited).code).toBe(1);
  expect(second.logs(), "one plain line").toEqual([expect.stringMatching(/^cannot serve.*in use/i)]);
  // It drains for two seconds, which are over before a busy machine has looked.
  const values: string[] = [];
  const watch = client.watch(key, next.modRevision + 1, {
    changed: (changes) =>
      values.push(
        ...changes.map((change) => (change.kind === "put" ? Buffer.from(change.entry.value).toString() : "gone")),
      ),
    heard: () => undefined,
    ended: () => undefined,
  });
  child.kill("SIGTERM");
  expect((await child.exited).code).toBe(0);
  await eventually("its end", () => values.at(-1) === "gone");
  expect(values).toEqual([expect.stringContaining("draining"), "gone"]);
  watch.close();
  expect(await entry()).toBeUndefined();
  expect(child.logs().at(-1)).toBe(`${key} drains for 2 s`);
});

test("what docs/etcd.md gives to paste where there is no etcdctl registers an instance under a lease", async () => {
  const page = readFileSync(new URL("../../docs/etcd.md", import.meta.url), "utf8");
  const [, script = ""] = /```sh\n(etcd=http[\s\S]*?)```/.exec(page) ?? [];
  const answers = execFileSync("sh", ["-c", script.replace("127.0.0.1:2379", etcd.first.endpoint)], {
    encoding: "utf8",
  });
  expect(answers).toContain('"TTL":"10"');
  const [entry] = (await client.list("/services/reviews/")).entries;
  expect(entry).toMatchObject({ key: "/services/reviews/host-1", leaseId: expect.stringMatching(/^\d+$/) });
  expect(Buffer.from(entry?.value ?? []).toString()).toBe("10.0.0.1:8080");
});
