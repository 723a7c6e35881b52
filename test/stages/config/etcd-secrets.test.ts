/**
 * Keys of etcd that secrets name, over an etcd that is only a list: what readers are told, and what stays known to those
 * that come later.
 */
import { expect, test } from "vitest";
import { pathOfSecretKey } from "../../../src/config/etcd-secret-keys.ts";
import { EtcdSecrets, keysWithoutEtcd, VALUE_BYTES_MAX } from "../../../src/config/etcd-secrets.ts";
import type { SourceState } from "../../../src/config/source.ts";
import type { Contact } from "../../../src/etcd/follow-prefix.ts";
import type { Entry, EtcdPort } from "../../../src/etcd/etcd-port.ts";
import { systemClock as clock } from "../../../src/support/clock.ts";
import { entry, listedEtcd } from "./listed-etcd.ts";

const PREFIX = "/fairway/secrets/";
const paths = (...names: readonly string[]) => names.map(pathOfSecretKey);

function follow(entries: readonly Entry[], etcd: Partial<EtcdPort> = {}) {
  const listed = listedEtcd(entries);
  const contacts: (Contact["kind"] | undefined)[] = [];
  const secrets = new EtcdSecrets({
    etcd: { ...listed.port, ...etcd },
    clock,
    random: () => 1,
    firstWaitMs: 10,
    onContact: (_, contact) => contacts.push(contact?.kind),
  });
  const put = (revision: number, ...keys: readonly string[]) =>
    listed.watched.get(PREFIX)?.changed(
      keys.map((key) => ({ kind: "put", entry: entry(`${PREFIX}${key}`, revision) })),
      revision,
    );
  const remove = (revision: number, key: string) =>
    listed.watched.get(PREFIX)?.changed([{ kind: "delete", key: `${PREFIX}${key}`, modRevision: revision }], revision);
  return { ...listed, secrets, contacts, put, remove, [Symbol.dispose]: () => secrets.close() };
}

/** Everything that a reader of these keys is told; there from the first state on. */
async function reader(secrets: EtcdSecrets, ...names: readonly string[]) {
  const states: SourceState[] = [];
  const source = secrets.open(paths(...names));
  await source.start((state) => states.push(state));
  return { source, states };
}

const summary = ({ documents, problems, cause, etcd }: SourceState) => ({
  held: documents.map(({ path, bytes }) => `${path}: ${Buffer.from(bytes).toString()}`),
  problems: problems.map(({ code, message }) => `${code}: ${message}`),
  cause,
  changed: etcd?.get(PREFIX),
});

test("a reader has the keys that it asks for, and is told of changes of these alone, a transaction as one", async () => {
  using etcd = follow([entry(`${PREFIX}a`, 3), entry(`${PREFIX}b`, 5), entry(`${PREFIX}other`, 9)]);
  const { states } = await reader(etcd.secrets, "a", "b", "gone");
  expect(states.map(summary)).toEqual([
    {
      held: [`etcd:///fairway/secrets/a: value of ${PREFIX}a`, `etcd:///fairway/secrets/b: value of ${PREFIX}b`],
      problems: ["secret-missing: there is no key etcd:/fairway/secrets/gone"],
      cause: "start",
      changed: 5,
    },
  ]);
  etcd.put(11, "other");
  expect(states.length).toBe(1);
  expect(etcd.secrets.reached).toEqual(new Map([[PREFIX, 11]]));
  etcd.put(12, "a", "b", "other");
  etcd.remove(13, "b");
  expect(states.slice(1).map((state) => [state.cause, state.etcd?.get(PREFIX)])).toEqual([
    ["etcd:/fairway/secrets/a and 1 more", 12],
    ["etcd:/fairway/secrets/b", 13],
  ]);
  expect(states.at(-1)?.problems.map(({ code, path }) => [code, path])).toEqual([
    ["secret-missing", pathOfSecretKey("b")],
    ["secret-missing", pathOfSecretKey("gone")],
  ]);
});

test("a key that begins like another is another one", async () => {
  using etcd = follow([entry(`${PREFIX}a.bak`, 3)]);
  const { states } = await reader(etcd.secrets, "a");
  expect(states[0]?.problems.map(({ code }) => code)).toEqual(["secret-missing"]);
  etcd.put(11, "a.bak", "a/b");
  expect(states.length).toBe(1);
});

test("what is known stays known to readers that come while etcd is away", async () => {
  let isAway = false;
  const inner = listedEtcd([entry(`${PREFIX}a`, 3)]);
  using etcd = follow([], {
    list: (prefix) => (isAway ? Promise.reject(new Error("nobody answers")) : inner.port.list(prefix)),
  });
  const first = await reader(etcd.secrets, "a");
  isAway = true;
  etcd.watched.get(PREFIX)?.ended("it went away", { compacted: false });
  await first.source.close();
  const { states } = await reader(etcd.secrets, "a", "b");
  expect(states.map(summary)).toMatchObject([{ held: [`etcd:///fairway/secrets/a: value of ${PREFIX}a`] }]);
  expect(etcd.contacts).toEqual(["current", "behind"]);
});

test("an etcd that does not answer in time is a problem of each key, and what comes later is told", async () => {
  let answer: (() => void) | undefined;
  const inner = listedEtcd([entry(`${PREFIX}a`, 3)]);
  using etcd = follow([], {
    list: async (prefix) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return inner.port.list(prefix);
    },
  });
  const { states } = await reader(etcd.secrets, "a");
  expect(states.map(summary)).toEqual([
    {
      held: [],
      problems: ["etcd-unreachable: etcd:/fairway/secrets/a was not read: etcd has not answered yet"],
      cause: "start",
      changed: 0,
    },
  ]);
  expect(etcd.secrets.reached).toEqual(new Map([[PREFIX, 0]]));
  answer?.();
  await expect.poll(() => states.length).toBe(2);
  expect(states.map(summary)[1]).toMatchObject({ problems: [], cause: "etcd:/fairway/secrets/", changed: 3 });
});

test("the prefix is followed from the first key that is named to the last", async () => {
  using etcd = follow([entry(`${PREFIX}a`, 3)]);
  expect(etcd.secrets.reached).toEqual(new Map());
  expect(etcd.listings).toEqual([]);
  const { source } = await reader(etcd.secrets, "a");
  etcd.secrets.settle();
  expect(etcd.watched.has(PREFIX)).toBe(true);
  await source.close();
  etcd.secrets.settle();
  expect(etcd.watched.has(PREFIX)).toBe(false);
  expect(etcd.secrets.reached).toEqual(new Map());
  expect(etcd.contacts).toEqual(["current", undefined]);
});

test("a value may have 1 MiB", async () => {
  const large = { ...entry(`${PREFIX}large`, 3), value: Buffer.alloc(VALUE_BYTES_MAX + 1) };
  const whole = { ...entry(`${PREFIX}whole`, 3), value: Buffer.alloc(VALUE_BYTES_MAX) };
  using etcd = follow([large, whole]);
  const { states } = await reader(etcd.secrets, "large", "whole");
  expect(states[0]?.documents.map(({ path }) => path)).toEqual([pathOfSecretKey("whole")]);
  expect(states[0]?.problems).toMatchObject([
    {
      code: "source-too-large",
      message: "etcd:/fairway/secrets/large has 1048577 bytes; at most 1048576 are read from one key",
    },
  ]);
});

test("without an etcd each key is a problem, with a way out", async () => {
  const states: SourceState[] = [];
  await keysWithoutEtcd(paths("a"), clock).start((state) => states.push(state));
  expect(states[0]?.problems).toMatchObject([
    {
      code: "etcd-missing",
      path: pathOfSecretKey("a"),
      message: "etcd:/fairway/secrets/a is in etcd, and Fairway was started without one",
      hint: expect.stringContaining("--etcd http://HOST:2379") as string,
    },
  ]);
});
