/**
 * A service in TypeScript that registers itself in etcd, with nothing but `fetch`: etcd's JSON gateway.
 *
 *     node register.ts http://127.0.0.1:2379 shop 127.0.0.1:9001
 *
 * The instance is there while the lease is kept alive. At the end it is drained for a moment and then taken away.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const TTL_SECONDS = 10;
/** Until all Envoys know; `fairway register` waits for exactly that, and not for a time. */
const DRAIN_MS = 2_000;

const [etcd = "", service = "", address = ""] = process.argv.slice(2);
const key = `/services/${service}/${address}`;
let leaseId: string | undefined;
const ending = new AbortController();

const server = createServer((_request, response) => response.end("hello from TypeScript\n"));
server.listen(Number(address.split(":")[1]), "127.0.0.1");
await once(server, "listening").catch((cause: unknown) => {
  process.stderr.write(`cannot serve: ${causeOf(cause)}\n`);
  process.exit(1);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void end());
await keep();

/** Grants a lease, writes the key, and keeps both alive; whatever fails is tried again. */
async function keep(): Promise<void> {
  let again = "";
  let told = "";
  while (!ending.signal.aborted) {
    try {
      if (leaseId === undefined) {
        leaseId = (await ask<{ ID: string }>("/v3/lease/grant", { TTL: TTL_SECONDS })).ID;
        await put({ address, labels: { version: "v1" } });
        process.stdout.write(`registered ${key}${again}\n`);
        again = " again";
      } else {
        const { result } = await ask<{ result: { TTL?: string } }>("/v3/lease/keepalive", { ID: leaseId });
        // etcd leaves a 0 out: there is no such lease any more.
        if (result.TTL === undefined) leaseId = undefined;
      }
      told = "";
      if (leaseId !== undefined) await wait((TTL_SECONDS * 1_000) / 3);
    } catch (cause) {
      const reason = causeOf(cause);
      // Once for each outage, and not for each try.
      if (reason !== told) process.stderr.write(`etcd: ${reason}; it is tried again until it answers\n`);
      told = reason;
      await wait(1_000);
    }
  }
}

/** Until the time is over or the service is to end. */
async function wait(forMs: number): Promise<void> {
  await pause(forMs, undefined, { signal: ending.signal }).catch(() => undefined);
}

async function end(): Promise<void> {
  ending.abort();
  try {
    if (leaseId === undefined) return;
    await put({ address, labels: { version: "v1" }, draining: true });
    process.stdout.write(`${key} drains for ${DRAIN_MS / 1_000} s\n`);
    await pause(DRAIN_MS);
    await ask("/v3/lease/revoke", { ID: leaseId });
  } catch (cause) {
    process.stderr.write(`etcd: ${causeOf(cause)}; the key goes with its lease\n`);
  } finally {
    // What is being answered is answered to its end.
    server.close();
    server.closeIdleConnections();
  }
}

async function put(instance: object): Promise<void> {
  await ask("/v3/kv/put", { key: base64(key), value: base64(JSON.stringify(instance)), lease: leaseId });
}

async function ask<T>(path: string, body: object): Promise<T> {
  const answer = await fetch(etcd + path, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(3_000),
  });
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** `fetch` says only that it failed, and has the cause beside it. */
function causeOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown };
  return cause instanceof Error ? cause.message : String(cause);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
