/**
 * Config documents of an etcd that is only a list: how far what was told is.
 */
import { expect, test } from "vitest";
import { CONFIG_PREFIX, PUSH_MARK } from "../../../src/config/etcd-documents.ts";
import { EtcdSource } from "../../../src/config/etcd-source.ts";
import type { SourceState } from "../../../src/config/source.ts";
import type { Change } from "../../../src/etcd/etcd-port.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { entry, listedEtcd } from "./listed-etcd.ts";

const key = `${CONFIG_PREFIX}a.yaml`;

async function open() {
  const { port, watched } = listedEtcd([entry(key, 5)]);
  const states: SourceState[] = [];
  const ignore = () => undefined;
  const ports = { etcd: port, clock: systemClock, random: () => 0.5, onContact: ignore, onWarning: ignore };
  const source = new EtcdSource(ports);
  await source.start((state) => states.push(state));
  await eventually("the watch", () => watched.has(CONFIG_PREFIX));
  return {
    tell: (changes: readonly Change[], revision: number) => watched.get(CONFIG_PREFIX)?.changed(changes, revision),
    reached: () => source.reached.get(CONFIG_PREFIX),
    changed: () => states.map(({ etcd }) => etcd?.get(CONFIG_PREFIX)),
    [Symbol.asyncDispose]: () => source.close(),
  };
}

const put = (name: string, revision: number): Change => ({ kind: "put", entry: entry(name, revision) });

test("each state says which change is its last, and what is reached goes on with etcd", async () => {
  await using opened = await open();
  expect([opened.changed(), opened.reached()]).toEqual([[5], 10]);
  opened.tell([put(key, 12)], 12);
  expect([opened.changed(), opened.reached()]).toEqual([[5, 12], 12]);
  opened.tell([], 15);
  expect([opened.changed(), opened.reached()]).toEqual([[5, 12], 15]);
});

test("a push that is half done is not reached before it is whole", async () => {
  await using opened = await open();
  opened.tell([put(PUSH_MARK, 12)], 12);
  opened.tell([put(key, 13)], 13);
  expect([opened.changed(), opened.reached()]).toEqual([[5], 10]);
  opened.tell([{ kind: "delete", key: PUSH_MARK, modRevision: 14 }], 14);
  expect([opened.changed(), opened.reached()]).toEqual([[5, 14], 14]);
});
