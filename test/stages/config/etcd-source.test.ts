/**
 * Config documents of an etcd that is only a list: how far what was told is.
 */
import { expect, test } from "vitest";
import type { PushMark } from "../../../src/config/etcd-documents.ts";
import { CONFIG_PREFIX, PUSH_MARK, pushMarkText, readPushMark } from "../../../src/config/etcd-documents.ts";
import type { EtcdSourceOptions } from "../../../src/config/etcd-source.ts";
import { EtcdSource } from "../../../src/config/etcd-source.ts";
import type { SourceState } from "../../../src/config/source.ts";
import type { Change, Entry } from "../../../src/etcd/etcd-port.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { entry, listedEtcd } from "./listed-etcd.ts";

const key = `${CONFIG_PREFIX}a.yaml`;

async function open(options: Partial<EtcdSourceOptions> & { readonly entries?: readonly Entry[] } = {}) {
  const { entries = [entry(key, 5)], ...rest } = options;
  const { port, watched } = listedEtcd(entries);
  const states: SourceState[] = [];
  const ignore = () => undefined;
  const ports = { etcd: port, clock: systemClock, random: () => 0.5, onContact: ignore, ...rest };
  const source = new EtcdSource(ports);
  await source.start((state) => states.push(state));
  await eventually("the watch", () => watched.has(CONFIG_PREFIX));
  return {
    tell: (changes: readonly Change[], revision: number) => watched.get(CONFIG_PREFIX)?.changed(changes, revision),
    reached: () => source.reached.get(CONFIG_PREFIX),
    last: () => states.at(-1),
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

test("a push that stays half done is told once, and its end once; one that is over soon is not told", async () => {
  const told: (PushMark | undefined)[] = [];
  await using opened = await open({ onUnfinishedPush: (push) => told.push(push), unfinishedAfterMs: 50 });
  opened.tell([put(PUSH_MARK, 12)], 12);
  opened.tell([{ kind: "delete", key: PUSH_MARK, modRevision: 13 }], 13);
  opened.tell([put(PUSH_MARK, 14)], 14);
  await eventually("that it is told", () => told.length > 0);
  opened.tell([put(key, 15)], 15);
  opened.tell([put(PUSH_MARK, 16)], 16);
  opened.tell([{ kind: "delete", key: PUSH_MARK, modRevision: 17 }], 17);
  expect(told).toEqual([{ by: `value of ${PUSH_MARK}` }, undefined]);
});

test("the mark of a push says who and since when, and one of an older version only who", () => {
  const mark = { by: "ann@host, process 7", since: "2026-11-28T21:00:00.000Z" };
  expect(readPushMark(Buffer.from(pushMarkText(mark)))).toEqual(mark);
  expect(readPushMark(Buffer.from(pushMarkText({ ...mark, by: "x".repeat(1_000) }))).since).toBe(mark.since);
  expect(readPushMark(Buffer.from(mark.by))).toEqual({ by: mark.by });
});

test("the cause of a change is the first document and how many more, and never the mark", async () => {
  await using opened = await open({ entries: [entry(key, 5), entry(`${CONFIG_PREFIX}d.yaml`, 5)] });
  opened.tell([put(PUSH_MARK, 12)], 12);
  opened.tell([put(`${CONFIG_PREFIX}c.yaml`, 13), put(`${CONFIG_PREFIX}b.yaml`, 13)], 13);
  opened.tell([{ kind: "delete", key: `${CONFIG_PREFIX}d.yaml`, modRevision: 14 }], 14);
  opened.tell([{ kind: "delete", key: PUSH_MARK, modRevision: 15 }], 15);
  expect(opened.last()?.cause).toBe(`etcd:${CONFIG_PREFIX}b.yaml and 2 more`);
  opened.tell([put(key, 16)], 16);
  expect(opened.last()?.cause).toBe(`etcd:${key}`);
});

test("an etcd without any config waits for the first push where no other config is, and later is empty", async () => {
  await using opened = await open({ entries: [], isAlone: true });
  expect(opened.last()?.problems).toMatchObject([
    { code: "etcd-empty", hint: expect.stringContaining("fairway push") },
  ]);
  opened.tell([put(key, 12)], 12);
  expect(opened.last()?.problems).toEqual([]);
  await using beside = await open({ entries: [] });
  expect(beside.last()?.problems).toEqual([]);
});
