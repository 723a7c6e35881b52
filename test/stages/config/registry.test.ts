/**
 * What is followed of etcd for the services of a config, with an etcd that is only a list.
 */
import { expect, test } from "vitest";
import { Registry } from "../../../src/config/registry.ts";
import { packEntries, unpackEntries } from "../../../src/config/registry-change.ts";
import type { EtcdPort } from "../../../src/etcd/etcd-port.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { entry, listedEtcd } from "./listed-etcd.ts";

function open(etcd: EtcdPort) {
  let changes = 0;
  const contacts: string[] = [];
  const registry = new Registry({
    etcd,
    clock: systemClock,
    random: () => 0.5,
    onChange: () => (changes += 1),
    onContact: (prefix, contact) => contacts.push(`${prefix} ${contact?.kind}`),
  });
  return { registry, changes: () => changes, contacts, [Symbol.dispose]: () => registry.close() };
}

test("the usual place is read before the config has asked for it, once, and causes no build", async () => {
  const { port, listings, watched } = listedEtcd([entry("/services/shop/a", 5), entry("/services/cart/a", 6)]);
  using opened = open(port);
  opened.registry.readAhead();
  expect(opened.registry.take().problems, "nobody waits for it").toEqual([]);
  await eventually("the watch", () => watched.has("/services/"));
  expect(opened.changes()).toBe(0);
  await opened.registry.read(["/services/shop/"]);
  expect(opened.registry.take().upserted.map(({ key }) => key)).toEqual(["/services/shop/a"]);
  expect(listings).toEqual(["/services/"]);
});

test("the usual place is followed no more when no service of a build is there", async () => {
  const { port, watched } = listedEtcd([]);
  using opened = open(port);
  opened.registry.readAhead();
  await eventually("the watch", () => watched.has("/services/"));
  opened.registry.paceBy(1);
  expect([...watched.keys()]).toEqual([]);
  expect(opened.contacts, "an outage does not wait for it").toEqual(["/services/ current", "/services/ undefined"]);
});

test("what a build has reached goes on with what concerns no service, up to the first thing that does", async () => {
  const { port, watched } = listedEtcd([entry("/services/shop/a", 5)]);
  using opened = open(port);
  await opened.registry.read(["/services/shop/"]);
  const { reached } = opened.registry.take().etcd;
  expect(reached.get("/services/")).toBe(10);
  const tell = (key: string, revision: number) =>
    watched.get("/services/")?.changed([{ kind: "put", entry: entry(key, revision) }], revision);
  tell("/services/other/a", 11);
  expect(reached.get("/services/")).toBe(11);
  tell("/services/shop/b", 12);
  tell("/services/other/b", 13);
  expect(reached.get("/services/")).toBe(11);
  opened.registry.take();
  expect(opened.registry.reached.get("/services/")).toBe(13);
});

test("entries come out of their package as they went in", () => {
  const entries = [
    { key: "/a/1", value: Buffer.from("one"), revision: 1, createdRevision: 1 },
    { key: "/a/empty", value: Buffer.alloc(0), revision: 2 ** 52, createdRevision: 2 ** 51 },
    { key: "/a/ü", value: Buffer.from([0xff, 0]), revision: 3, createdRevision: 2 },
  ];
  const out = [...unpackEntries(structuredClone(packEntries(entries)))];
  expect(out.map(({ value, ...rest }) => ({ ...rest, value: Buffer.from(value) }))).toEqual(entries);
});
