/**
 * The load on the Envoys that are measured, as a program of its own: one order a line in, one answer a line out.
 *
 * At a rate it is an open loop: each request is due at a moment that no answer moves, and its time counts
 * from there. A slow answer therefore lengthens the times of what had to wait behind it, as it does for users,
 * instead of making the load pause (which is known as coordinated omission).
 */
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { LoadConnection } from "./load-connection.ts";
import type { LoadAnswer, LoadOrder, LoadTarget } from "./load-orders.ts";
import type { Measure } from "./metronome.ts";
import { nowMs } from "./monotonic.ts";

/** More are opened while all have a request under way; then requests wait, and their time runs. */
const CONNECTIONS_MAX = 2_000;
/** Answers that are missing by then count as none; longer than any fault that is measured. */
const PATIENCE_MS = 10_000;
/** What the order itself sets in motion has come to rest by then. */
const BEFORE_FIRST_MS = 20;

/** Idle connections by port, kept from order to order, so that no order pays for opening them. */
const idle = new Map<number, LoadConnection[]>();

const metronome = new Worker(new URL("./metronome.ts", import.meta.url));

say({ ready: true });
const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => void obey(JSON.parse(line) as LoadOrder));
orders.once("close", () => process.exit(0));

async function obey(order: LoadOrder): Promise<void> {
  try {
    const pool = await connections(order.target, order.connections);
    say(order.kind === "count" ? await sendCount(order, pool) : await sendAtRate(order, pool));
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) });
  }
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** At least so many idle connections. */
async function connections(target: LoadTarget, count: number): Promise<LoadConnection[]> {
  const pool = (idle.get(target.port) ?? []).filter(({ usable }) => usable);
  idle.set(target.port, pool);
  while (pool.length < count) pool.push(await LoadConnection.open(target));
  return pool;
}

function requestBytes({ method = "GET", headers = {}, body = "" }: LoadTarget): Buffer {
  const lines = [
    `${method} /items/42 HTTP/1.1`,
    ...Object.entries({ host: "shop.example.com", "user-agent": "fairway-bench", ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    ...(method === "POST" ? [`content-length: ${Buffer.byteLength(body)}`] : []),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

async function sendCount(order: LoadOrder & { readonly kind: "count" }, pool: LoadConnection[]): Promise<LoadAnswer> {
  const bytes = requestBytes(order.target);
  const statuses = new Map<number, number>();
  const startMs = nowMs();
  let left = order.requests;
  const used = pool.splice(0, order.connections);
  await Promise.all(
    used.map(
      (connection) =>
        new Promise<void>((resolve) => {
          const next = (): void => {
            if (left <= 0) return resolve();
            left -= 1;
            connection.request(bytes, (status) => {
              increment(statuses, status);
              // Without this a connection that is lost would fail all that is left in one go, and deeply nested.
              if (connection.usable) next();
              else resolve();
            });
          };
          next();
        }),
    ),
  );
  pool.push(...used);
  const seconds = (nowMs() - startMs) / 1_000;
  return { seconds, ...counted(statuses), leadFailed: 0, latenciesMs: [], lateMs: [] };
}

async function sendAtRate(order: LoadOrder & { readonly kind: "rate" }, pool: LoadConnection[]): Promise<LoadAnswer> {
  const bytes = requestBytes(order.target);
  const everyMs = 1_000 / order.perSecond;
  const lead = Math.round(order.leadSeconds * order.perSecond);
  const total = lead + Math.round(order.seconds * order.perSecond);
  const statuses = new Map<number, number>();
  const latenciesMs: number[] = [];
  const lateMs: number[] = [];
  const waiting: number[] = [];
  const outcome = { failed: 0, leadFailed: 0 };
  let sent = 0;
  let answered = 0;
  let opened = pool.length;
  const finished = Promise.withResolvers<void>();

  const startMs = nowMs() + BEFORE_FIRST_MS;
  const send = (connection: LoadConnection, index: number): void => {
    const dueMs = startMs + index * everyMs;
    if (index >= lead) lateMs.push(nowMs() - dueMs);
    connection.request(bytes, (status) => {
      const failed = status === 0 || status >= 400;
      if (index >= lead) latenciesMs.push(nowMs() - dueMs);
      if (failed) outcome[index >= lead ? "failed" : "leadFailed"] += 1;
      increment(statuses, status);
      answered += 1;
      if (answered === total) finished.resolve();
      if (connection.usable) free(connection);
      else opened -= 1;
    });
  };
  const free = (connection: LoadConnection): void => {
    const index = waiting.shift();
    if (index === undefined) pool.push(connection);
    else send(connection, index);
  };
  const beat = (): void => {
    for (; sent < total && startMs + sent * everyMs <= nowMs(); sent += 1) {
      const connection = nextUsable(pool);
      if (connection !== undefined) {
        send(connection, sent);
        continue;
      }
      waiting.push(sent);
      if (opened >= CONNECTIONS_MAX) continue;
      opened += 1;
      LoadConnection.open(order.target).then(free, () => (opened -= 1));
    }
  };

  metronome.on("message", beat);
  const measure: Measure = { startMs, everyMs, beats: total };
  metronome.postMessage(measure);
  const impatient = setTimeout(() => finished.resolve(), BEFORE_FIRST_MS + total * everyMs + PATIENCE_MS);
  await finished.promise;
  clearTimeout(impatient);
  metronome.off("message", beat);
  outcome.failed += total - answered;
  const { sent: _, failed: __, ...ofStatuses } = counted(statuses);
  return { seconds: order.seconds, sent: total, ...outcome, ...ofStatuses, latenciesMs, lateMs };
}

/** The one that has been idle for longest, as it is with many clients. */
function nextUsable(pool: LoadConnection[]): LoadConnection | undefined {
  for (;;) {
    const connection = pool.shift();
    if (connection === undefined || connection.usable) return connection;
  }
}

function counted(statuses: ReadonlyMap<number, number>): Pick<LoadAnswer, "sent" | "failed" | "statuses"> {
  let sent = 0;
  let failed = 0;
  for (const [status, count] of statuses) {
    sent += count;
    if (status === 0 || status >= 400) failed += count;
  }
  return { sent, failed, statuses: Object.fromEntries(statuses) };
}

function increment(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
