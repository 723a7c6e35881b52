/** When somebody who follows a prefix asks again while nobody answers. */
import { expect, test } from "vitest";
import type { EtcdPort } from "../../../src/etcd/etcd-port.ts";
import { PrefixFollower } from "../../../src/etcd/follow-prefix.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";

/** An etcd that never answers, and when it was asked. */
class Silence implements EtcdPort {
  readonly askedAtMs: number[] = [];

  list(): Promise<never> {
    this.askedAtMs.push(performance.now());
    return Promise.reject(new Error("nobody answers"));
  }

  transact = () => this.list();
  grantLease = () => this.list();
  keepAlive = () => this.list();
  revokeLease = () => this.list();

  watch(): never {
    throw new Error("nothing was listed");
  }

  close(): void {}
}

/** When a follower whose random numbers are all the same asks, one question after the other. */
async function gapsOf(random: number, retryMsMin: number, count: number): Promise<readonly number[]> {
  const etcd = new Silence();
  const follower = new PrefixFollower({
    etcd,
    prefix: "/p/",
    clock: systemClock,
    random: () => random,
    times: { retryMsMin, retryMsMax: retryMsMin * 8 },
    follower: { changed: () => undefined, contact: () => undefined },
  });
  await eventually("some questions", () => etcd.askedAtMs.length > count);
  follower.close();
  return etcd.askedAtMs.slice(1).map((askedAtMs, index) => askedAtMs - (etcd.askedAtMs[index] ?? 0));
}

test("while nobody answers it is asked later each time, up to a bound", async () => {
  const gaps = await gapsOf(1, 20, 6);
  for (const [index, waitMs] of [20, 40, 80, 160, 160, 160].entries()) {
    // Timers come a millisecond early at times, and as late as the machine is busy.
    expect(gaps[index], `wait ${index}`).toBeGreaterThanOrEqual(waitMs - 2);
  }
});

test("those that are cut off together do not come back together: one waits half as long as another", async () => {
  const [lucky = 0] = await gapsOf(0, 2_000, 1);
  expect(lucky).toBeGreaterThanOrEqual(998);
  expect(lucky).toBeLessThan(1_900);
});
