/** A program that tries to lead and, while it believes it does, counts up a key by fenced writes: `leader-loop.ts ENDPOINT NAME`. */
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { Leadership } from "../../src/etcd/leadership.ts";
import { systemClock } from "../../src/support/clock.ts";

const [endpoint = "", name = ""] = process.argv.slice(2);
const etcd = new EtcdClient({ endpoints: [endpoint], clock: systemClock, timeoutMs: 1_000 });
const leadership = new Leadership({
  etcd,
  clock: systemClock,
  key: "/leader",
  by: name,
  times: { leaseSeconds: 2, everyMs: 100 },
  onChange: (isLeader) => process.stdout.write(`${name} ${isLeader ? "leads" : "follows"}\n`),
});

let steps = 0;
setInterval(() => {
  const fence = leadership.fence();
  if (fence === undefined) return;
  steps += 1;
  const value = Buffer.from(`${name} ${steps}`);
  etcd.transact([fence], [{ kind: "put", key: "/led", value }]).then(
    ({ ok }) => process.stdout.write(`${name} ${ok ? "wrote" : "was refused"}\n`),
    () => undefined,
  );
}, 20);
