/**
 * Free TCP ports that no other run on this machine is given at the same time.
 *
 * Asking the kernel for "any free port" and releasing it again is a race: another test may get the same
 * one before it is used, and an outgoing connection may take it. So a program claims a whole block of
 * ports below the range of outgoing connections by listening on the block's first port until it ends;
 * the kernel releases the claim even when the program is killed. Ports inside a claimed block are
 * handed out once each, after a look whether a stranger uses them.
 */
import { createServer, type Server } from "node:net";

/** Above what people commonly use for services; Linux takes outgoing ports from 32768 on. */
const FIRST_PORT = 20_000;
const BLOCK_PORTS = 50;
const BLOCKS = 240;

/** A block belongs to the running program, so this is state of the program, not of a caller. */
const claim: {
  readonly guards: Server[];
  readonly blocks: Set<number>;
  next: number;
  end: number;
} = {
  guards: [],
  blocks: new Set(),
  next: 0,
  end: 0,
};

/** Concurrent callers queue up here, so that two of them never claim a block for the same need. */
let turn: Promise<unknown> = Promise.resolve();

/** A port on 127.0.0.1 that is free now and is not handed out again while this program runs. */
export function freePort(): Promise<number> {
  const port = turn.then(nextPort);
  turn = port.catch(() => undefined);
  return port;
}

/** Several free ports, in ascending order. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

async function nextPort(): Promise<number> {
  for (;;) {
    if (claim.next === claim.end) await claimBlock();
    const port = claim.next;
    claim.next += 1;
    const server = await listen(port);
    if (server === undefined) continue;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }
}

/** Starts at a place that differs between programs, so that many starting together seldom collide. */
async function claimBlock(): Promise<void> {
  for (let step = 0; step < BLOCKS; step += 1) {
    const block = (process.pid * 7 + step) % BLOCKS;
    if (claim.blocks.has(block)) continue;
    const first = FIRST_PORT + block * BLOCK_PORTS;
    const guard = await listen(first);
    if (guard === undefined) continue;
    guard.unref();
    claim.guards.push(guard);
    claim.blocks.add(block);
    claim.next = first + 1;
    claim.end = first + BLOCK_PORTS;
    return;
  }
  throw new Error(
    `no block of ${BLOCK_PORTS} free ports between ${FIRST_PORT} and ${FIRST_PORT + BLOCKS * BLOCK_PORTS}`,
  );
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}
