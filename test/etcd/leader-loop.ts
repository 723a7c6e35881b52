/**
 * A program that tries to lead and, while it believes it does, takes one step after the other, each by a fenced write that
 * counts up a key: `leader-loop.ts ENDPOINT NAME LEASE_SECONDS`. At SIGUSR2 it stops itself between deciding on its next step
 * and taking it, as if somebody had paused it there.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { Leadership } from "../../src/etcd/leadership.ts";
import { systemClock } from "../../src/support/clock.ts";

const [endpoint = "", name = "", leaseSeconds = ""] = process.argv.slice(2);
const etcd = new EtcdClient({ endpoints: [endpoint], clock: systemClock, timeoutMs: 1_000 });
const leadership = new Leadership({
  etcd,
  clock: systemClock,
  key: "/leader",
  by: name,
  times: { leaseSeconds: Number(leaseSeconds), everyMs: 100 },
  onChange: (isLeader) => process.stdout.write(`${name} ${isLeader ? "leads" : "follows"}\n`),
});

/** Between deciding on a step and taking it. */
const THINKING_MS = 50;

let isToStop = false;
process.on("SIGUSR2", () => (isToStop = true));
process.stdout.write(`${name} tries\n`);

for (;;) {
  const fence = leadership.fence();
  if (fence !== undefined && !leadership.isLeader) process.stdout.write(`${name} doubts\n`);
  await (fence === undefined ? pause(20) : step(fence).catch(() => undefined));
}

async function step(fence: NonNullable<ReturnType<Leadership["fence"]>>): Promise<void> {
  const { entries } = await etcd.list("/led");
  const next = Number.parseInt(Buffer.from(entries[0]?.value ?? "0").toString(), 10) + 1;
  if (isToStop) process.kill(process.pid, "SIGSTOP");
  isToStop = false;
  await pause(THINKING_MS);
  const { ok } = await etcd.transact([fence], [{ kind: "put", key: "/led", value: Buffer.from(`${next} ${name}`) }]);
  process.stdout.write(`${name} ${ok ? "wrote" : "was refused"}\n`);
}
