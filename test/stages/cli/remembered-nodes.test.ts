/** Who is waited for after a restart, and for how long. */
import { expect, test } from "vitest";
import { RememberedNodes } from "../../../src/cli/remembered-nodes.ts";
import type { FleetEvent } from "../../../src/fleet/fleet.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import type { FleetSummary } from "../../../src/fleet/fleet-summary.ts";
import { packSummary, readSummary, summaryText } from "../../../src/fleet/fleet-summary.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import { present } from "../../../src/support/assert.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { edge, streamOf } from "../fleet/example-events.ts";

/** One server after the other, over one directory. */
class Server {
  nowMs: number;
  others: readonly FleetSummary[] = [];
  readonly remembered: RememberedNodes;
  readonly #fleet = createFleet();

  constructor(store: DirectoryStateStore, { replica = "here", nowMs = 20_000 } = {}) {
    this.nowMs = nowMs;
    this.remembered = new RememberedNodes({
      ...{ store, replica, fleet: () => this.#fleet, others: () => this.others },
      clock: { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs },
    });
  }

  happens(...events: readonly (FleetEvent & { readonly kind: "stream-opened" | "stream-closed" })[]): void {
    for (const event of events) {
      step(this.#fleet, event);
      this.remembered.record(event);
    }
  }

  /** As others are told of it. */
  async told(replica: string): Promise<FleetSummary> {
    const packed = await packSummary(this.#fleet, summaryText(this.#fleet));
    return present(readSummary(replica, packed, this.nowMs), "it was packed here");
  }

  get awaited(): readonly string[] {
    return this.remembered.awaited([edge]);
  }
}

function eventuallyKept(store: DirectoryStateStore, text: string, replica = "here"): Promise<void> {
  const look = async () => Buffer.from((await store.get(`nodes/${replica}`))?.bytes ?? []).toString() === text;
  return eventually(`${text} to be kept`, look);
}

test("nodes that were connected are awaited until they are back, or have been away for half a minute", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const first = new Server(store);
  await first.remembered.start();
  const gone = streamOf("gone", 1);
  first.happens(gone.opened(), streamOf("a", 2).opened(), streamOf("b", 3).opened(), gone.closed());
  await eventuallyKept(store, '{"groups":[["edge",["a","b"]]]}');
  await first.remembered.close();

  const second = new Server(store);
  expect(second.awaited).toEqual([]);
  await second.remembered.start();
  expect(second.awaited).toEqual(["a", "b"]);
  expect(second.remembered.awaited(["other"])).toEqual([]);
  second.happens(streamOf("a", 1).opened());
  expect(second.awaited).toEqual(["b"]);
  second.happens(streamOf("a", 1).closed());
  expect(second.awaited, "it went by itself").toEqual(["b"]);
  // Killed once more before all are back.
  await eventuallyKept(store, '{"groups":[["edge",["b"]]]}');
  await second.remembered.close();

  const third = new Server(store);
  await third.remembered.start();
  third.nowMs += 29_999;
  expect(third.awaited).toEqual(["b"]);
  third.nowMs += 1;
  expect(third.awaited).toEqual([]);
  await eventuallyKept(store, '{"groups":[]}');
  await third.remembered.close();
  await store.close();
});

test("nodes of a replica that leaves are awaited at those that stay, and by whoever starts then", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const leaving = new Server(store, { replica: "r1" });
  await leaving.remembered.start();
  leaving.happens(streamOf("a", 1).opened(), streamOf("b", 2).opened());
  await eventuallyKept(store, '{"groups":[["edge",["a","b"]]]}', "r1");
  const staying = new Server(store, { replica: "r2" });
  staying.others = [await leaving.told("r1")];
  await staying.remembered.start();
  expect(staying.awaited).toEqual([]);
  staying.happens(streamOf("a", 3).opened());
  await leaving.remembered.close();
  staying.others = [];
  expect(staying.awaited, "the other one has come here").toEqual(["b"]);

  const starting = new Server(store, { replica: "r3" });
  await starting.remembered.start();
  expect(starting.awaited).toEqual(["a", "b"]);
  starting.others = [await staying.told("r2")];
  expect(starting.awaited).toEqual(["b"]);
  await Promise.all([staying, starting].map(({ remembered }) => remembered.close()));
  await store.close();
});

test("whoever is connected when a server ends is kept, however soon that is after they came", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const first = new Server(store);
  await first.remembered.start();
  first.happens(streamOf("a", 1).opened());
  await first.remembered.close();
  const next = new Server(store);
  await next.remembered.start();
  expect(next.awaited).toEqual(["a"]);
  await next.remembered.close();
  await store.close();
});

test("a state that does not answer keeps no server from ending", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const server = new Server(store);
  await server.remembered.start();
  server.happens(streamOf("a", 1).opened());
  store.get = () => new Promise(() => undefined);
  await expect(server.remembered.close()).resolves.toBeUndefined();
  await store.close();
});
