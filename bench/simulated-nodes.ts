/**
 * All simulated nodes, as a program of their own: what they cost is not in the event loop that is measured.
 *
 * It takes orders from the benchmark, one at a time, and saves the config files itself, so that the save
 * and the last acknowledgement are on one clock. It ends when its orders end, however the benchmark did.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { AwaitedNames, FleetAnswer, FleetOrder } from "./fleet-orders.ts";
import { contentHash } from "../src/support/hash.ts";
import { WatchedEtcd } from "./watched-etcd.ts";
import { SimulatedNode } from "./simulated-node.ts";

/** A hundred nodes that connect to a server with a thousand services need a second or two. */
const CONNECT_TIMEOUT_MS = 60_000;

const nodes: SimulatedNode[] = [];
let etcd: WatchedEtcd | undefined;
/** Called when a node has what it waits for, or fails. */
let told: { readonly satisfied: () => void; readonly failed: (error: Error) => void } | undefined;

process.on("message", (order: FleetOrder) => void obey(order));
process.on("disconnect", () => process.exit(0));

async function obey(order: FleetOrder): Promise<void> {
  try {
    const took = await carryOut(order);
    const sum = (countOf: (node: SimulatedNode) => number) => nodes.reduce((total, node) => total + countOf(node), 0);
    answer({
      kind: "done",
      ...took,
      responsesCount: sum((node) => node.responsesCount),
      clusterResponsesCount: sum((node) => node.clusterResponsesCount),
    });
  } catch (error) {
    answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

interface Took {
  readonly tookMs: number;
  readonly watchedMs?: number | undefined;
}

async function carryOut(order: FleetOrder): Promise<Took> {
  switch (order.kind) {
    case "count":
      return { tookMs: 0 };
    case "disconnect":
      for (const node of nodes.splice(0)) node.close();
      return { tookMs: 0 };
    case "connect":
      return { tookMs: await connect(order) };
    case "save":
      return { tookMs: await save(order) };
    case "watch":
      etcd = await WatchedEtcd.open(order);
      return { tookMs: 0 };
    case "put":
      return put(order);
    case "expire":
      return expire(order);
  }
}

async function connect(order: FleetOrder & { readonly kind: "connect" }): Promise<number> {
  const { xdsPort, nodesCount, routeName, idPrefix } = order;
  const startedMs = performance.now();
  const done = untilTold(CONNECT_TIMEOUT_MS, () => nodes.length === nodesCount && nodes.every((node) => node.synced));
  while (nodes.length < nodesCount) {
    const nodeId = idPrefix === undefined ? `simulated-${nodes.length}` : likeHostnames(idPrefix, nodes.length);
    nodes.push(
      new SimulatedNode(xdsPort, {
        nodeId,
        routeName,
        satisfied: () => told?.satisfied(),
        failed: (error) => told?.failed(error),
      }),
    );
  }
  return (await done) - startedMs;
}

/** Ids that pack no better than those of real machines. */
function likeHostnames(prefix: string, index: number): string {
  return `${prefix}${contentHash([prefix, String(index)])}`;
}

async function save(order: FleetOrder & { readonly kind: "save" }): Promise<number> {
  const content = order.how === "write" ? readFileSync(order.from) : undefined;
  const done = allHave(order);
  const savedAtMs = performance.now();
  if (content === undefined) renameSync(order.from, order.to);
  else writeFileSync(order.to, content);
  return (await done) - savedAtMs;
}

async function put(order: FleetOrder & { readonly kind: "put" }): Promise<Took> {
  const done = allHave(order);
  const watched = etcd?.next(order.key);
  const startedAtMs = performance.now();
  const [, doneAtMs, watchedAtMs] = await Promise.all([etcd?.write(order.key, order.value), done, watched]);
  const watchedMs = watchedAtMs === undefined ? undefined : watchedAtMs - startedAtMs;
  return { tookMs: doneAtMs - startedAtMs, watchedMs };
}

async function expire(order: FleetOrder & { readonly kind: "expire" }): Promise<Took> {
  const registered = allHave(order);
  await etcd?.writeLeased(order.key, order.value);
  await registered;
  const gone = allHave(order);
  const watchedAtMs = (await etcd?.next(order.key)) ?? 0;
  return { tookMs: (await gone) - watchedAtMs };
}

/** Resolves, with the moment, when the last node has acknowledged what is awaited. */
function allHave({
  awaited,
  timeoutMs,
}: {
  readonly awaited: AwaitedNames;
  readonly timeoutMs: number;
}): Promise<number> {
  let left = nodes.length;
  for (const node of nodes) node.wait(awaited);
  return untilTold(timeoutMs, () => {
    left -= 1;
    return left === 0;
  });
}

/** Resolves, with the moment, when a node is satisfied and `isEnough` says so. */
function untilTold(timeoutMs: number, isEnough: () => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (conclude: () => void): void => {
      clearTimeout(timer);
      told = undefined;
      conclude();
    };
    const timer = setTimeout(() => settle(() => reject(new Error(lateNodes(timeoutMs)))), timeoutMs);
    told = {
      satisfied: () => {
        if (!isEnough()) return;
        const atMs = performance.now();
        settle(() => resolve(atMs));
      },
      failed: (error) => settle(() => reject(error)),
    };
  });
}

function lateNodes(timeoutMs: number): string {
  const late = nodes.filter((node) => node.missing !== "" || !node.synced);
  const [first] = late;
  const example = first === undefined ? "" : `; ${first.nodeId} lacks ${first.missing || "its first snapshot"}`;
  return `${late.length} of ${nodes.length} nodes did not acknowledge within ${timeoutMs} ms${example}`;
}

function answer(message: FleetAnswer): void {
  process.send?.(message);
}
