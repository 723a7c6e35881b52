/** One leads, another follows when it is gone, and one that was paused writes nothing when it goes on. */
import { expect, test } from "vitest";
import { Child } from "../../demo/kit/child.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually, throughout } from "../support/eventually.ts";

const program = new URL("leader-loop.ts", import.meta.url).pathname;

function start(endpoint: string, name: string): Promise<Child> {
  return Child.start({ name, command: process.execPath, args: [program, endpoint, name] });
}

test("a leader that is paused is followed by another, and its late writes are refused when it goes on", async () => {
  await using etcd = await EtcdCluster.start();
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  const led = async () => Buffer.from((await client.list("/led")).entries[0]?.value ?? []).toString();
  const one = await start(etcd.first.endpoint, "one");
  try {
    await one.waitForLog(/one wrote/);
    const two = await start(etcd.first.endpoint, "two");
    try {
      await throughout("one leader", () => !two.logs().some((line) => line.includes("two leads")), 3_000);
      one.kill("SIGSTOP");
      await two.waitForLog(/two wrote/, 20_000);
      one.kill("SIGCONT");
      await one.waitForLog(/one was refused/, 20_000);
      for (let look = 0; look < 50; look += 1) expect(await led()).toMatch(/^two /);
      two.kill("SIGKILL");
      await eventually("the first again", async () => (await led()).startsWith("one "), { timeoutMs: 20_000 });
    } finally {
      await two.close(0);
    }
  } finally {
    one.kill("SIGCONT");
    await one.close(0);
    client.close();
  }
});
