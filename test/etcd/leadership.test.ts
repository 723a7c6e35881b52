/**
 * One leads, another follows when it is gone, and one that was paused writes nothing when it goes on.
 *
 * With the usual lease of ten seconds and a pause of sixty the same was seen by hand.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Child } from "../../demo/kit/child.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { Watch } from "../../src/etcd/etcd-port.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { HOUR_MS, ShiftedClock } from "./clock.ts";

const program = new URL("leader-loop.ts", import.meta.url).pathname;

/** A tenth of what is usual, so that a test need not wait. */
const LEASE_SECONDS = 2;

let etcd: EtcdCluster;
let client: EtcdClient;
let watch: Watch;
/** Every step that anybody has taken, in order: its number and who. */
const steps: string[] = [];

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  watch = client.watch("/led", 1, {
    changed: (changes) => {
      for (const change of changes) {
        if (change.kind === "put") steps.push(Buffer.from(change.entry.value).toString());
      }
    },
    heard: () => undefined,
    ended: () => undefined,
  });
});

afterAll(async () => {
  watch.close();
  client.close();
  await etcd[Symbol.asyncDispose]();
});

async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Child & AsyncDisposable> {
  const child = await Child.start({
    name,
    command: process.execPath,
    args: [program, etcd.first.endpoint, name, String(LEASE_SECONDS)],
    env: { ...process.env, ...env },
  });
  return Object.assign(child, {
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGCONT");
      await child.close(0);
    },
  });
}

test("a leader that is paused is followed by another, and its late step is refused when it goes on: none is taken twice", async () => {
  await using one = await start("one");
  await one.waitForLog(/one wrote/);
  await using two = await start("two");
  await two.waitForLog(/two tries/);
  await throughout("one leader", () => !two.logs().some((line) => line.includes("two leads")), 3_000);
  one.kill("SIGUSR2");
  await two.waitForLog(/two wrote/, 20_000);
  const before = steps.length;
  one.kill("SIGCONT");
  await one.waitForLog(/one was refused/, 20_000);
  await one.waitForLog(/one follows/);
  await eventually("ten steps more", () => steps.length >= before + 10);
  expect(steps.slice(before).filter((step) => !step.endsWith(" two"))).toEqual([]);
  two.kill("SIGKILL");
  await eventually("the first again", () => steps.at(-1)?.endsWith(" one") === true, { timeoutMs: 20_000 });
  expect(steps.map((step) => Number.parseInt(step, 10))).toEqual(steps.map((_, index) => index + 1));
});

test("a leader whose clock jumps by an hour, there and back, goes on leading", async () => {
  await using directory = await tempDir();
  const clock = new ShiftedClock(directory.join("clock"));
  await using three = await start("three", clock.env);
  await three.waitForLog(/three wrote/, 20_000);
  await using four = await start("four");
  await four.waitForLog(/four tries/);
  for (const byMs of [HOUR_MS, -HOUR_MS]) {
    clock.jump(byMs);
    const before = steps.length;
    const isAlone = () => steps.slice(before).every((step) => step.endsWith(" three"));
    await throughout("one leader", isAlone, LEASE_SECONDS * 1_500);
    expect(steps.length).toBeGreaterThan(before + 10);
  }
  expect(four.logs().join("\n")).not.toContain("four leads");
  const told = three.logs().filter((line) => /leads|follows|doubts/.test(line));
  expect(told, "it has never believed anything else").toEqual(["three leads"]);
});
