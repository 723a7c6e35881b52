/**
 * Envoys that were connected and are on their way back: those of this server before it was started anew, and those of a
 * replica that has left.
 *
 * Each server keeps the names of the nodes that it has, in the state that replicas share, for whoever starts next. They are
 * waited for until they are seen again, at any replica, or for as long as an Envoy takes to find a server at most.
 */
import { setTimeout as elapsed } from "node:timers/promises";
import { z } from "zod";
import type { Fleet } from "../fleet/fleet.ts";
import type { FleetSummary } from "../fleet/fleet-summary.ts";
import { connectedElsewhere } from "../fleet/whole-fleet.ts";
import type { StateDocument, StateStore } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { FairwayEvent } from "../telemetry/event.ts";

const PREFIX = "nodes/";

/** An Envoy whose controller has gone tries to connect again at least so often. */
export const RECONNECT_MS_MAX = 30_000;

const WRITE_EACH_MS = 250;
/** etcd keeps every version until it is compacted: a fleet that changes all the time must not fill it. */
const BYTES_PER_SECOND = 32 * 1024;

/** Serving does not wait for longer to know who was there. */
const READ_MS_MAX = 2_000;

/** A server whose etcd is away is not kept from ending. */
const LAST_WRITE_MS_MAX = 1_000;

/** More are not looked after one by one. */
const NODES_MAX = 5_000;

const documentSchema = z.object({ groups: z.array(z.tuple([z.string(), z.array(z.string())])) });

/** Groups, each with the ids of nodes. */
type Names = readonly (readonly [group: string, ids: readonly string[]])[];

interface Away {
  readonly group: string;
  readonly sinceMs: number;
}

export interface RememberedNodesOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  /** The name of this replica; of a server without others always the same. */
  readonly replica: string;
  fleet(): Fleet;
  others(): readonly FleetSummary[];
}

/** `start` reads what is kept and begins to keep; `close` leaves it as it is then, for the next one. */
export class RememberedNodes {
  readonly #options: RememberedNodesOptions;
  readonly #away = new Map<string, Away>();
  #others: readonly FleetSummary[] = [];
  #timer: NodeJS.Timeout | undefined;
  #forgetting: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #hasChanged = false;
  #written = "";
  #nextAtMs = 0;

  constructor(options: RememberedNodesOptions) {
    this.#options = options;
  }

  /** What cannot be read in time is not known: nobody is waited for then. */
  async start(): Promise<void> {
    const inVain = new AbortController();
    await Promise.race([this.#read(), elapsed(READ_MS_MAX, undefined, inVain)]).catch(() => undefined);
    inVain.abort();
    this.#timer = setInterval(() => this.#tick(), WRITE_EACH_MS);
  }

  /** Somebody may have come or gone. */
  record({ kind }: FairwayEvent): void {
    if (kind === "stream-opened" || kind === "stream-closed" || kind === "stream-moved") this.#hasChanged = true;
  }

  /** Those of these groups, sorted. */
  awaited(groups: readonly string[]): readonly string[] {
    this.#look();
    return [...this.#away].flatMap(([id, { group }]) => (groups.includes(group) ? [id] : [])).sort();
  }

  /** Before streams are ended: whoever is connected now is to be remembered. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#forgetting);
    const inVain = new AbortController();
    const late = elapsed(LAST_WRITE_MS_MAX, undefined, inVain).catch(() => undefined);
    await Promise.race([this.#writeLast(), late]);
    inVain.abort();
  }

  async #writeLast(): Promise<void> {
    await this.#writing;
    const text = JSON.stringify({ groups: this.#names() });
    if (text !== this.#written) await this.#write(text);
  }

  async #read(): Promise<void> {
    const { store, clock, replica } = this.#options;
    const documents = await store.list(PREFIX);
    const sinceMs = clock.monotonicMs();
    for (const { bytes } of documents) this.#miss(readNames(bytes), sinceMs);
    const left = documents.filter(({ key }) => key !== `${PREFIX}${replica}`);
    if (left.length > 0) this.#forgetting = setTimeout(() => void this.#forget(left), RECONNECT_MS_MAX);
  }

  #miss(names: Names, sinceMs: number): void {
    for (const [group, ids] of names) {
      for (const id of ids) this.#away.set(id, { group, sinceMs });
    }
  }

  /** Who is back, who has been away for too long, and whose replica has left. */
  #look(): void {
    const { clock, fleet, others } = this.#options;
    const nowMs = clock.monotonicMs();
    const before = this.#others;
    this.#others = others();
    const here = new Set(this.#others.map(({ replica }) => replica));
    for (const { replica, nodes } of before) {
      if (here.has(replica)) continue;
      for (const { id, connected, group } of nodes) {
        const isHere = (fleet().nodes.get(id)?.streams.length ?? 0) > 0;
        if (connected && group !== undefined && !isHere) this.#away.set(id, { group, sinceMs: nowMs });
      }
    }
    if (this.#away.size === 0) return;
    const elsewhere = connectedElsewhere(this.#others);
    for (const [id, { sinceMs }] of this.#away) {
      const node = fleet().nodes.get(id);
      // One that was here after that and went again went by itself.
      const isBack =
        elsewhere.has(id) || (node !== undefined && (node.streams.length > 0 || node.lastSeenMs > sinceMs));
      if (!isBack && nowMs - sinceMs < RECONNECT_MS_MAX) continue;
      this.#away.delete(id);
      this.#hasChanged = true;
    }
  }

  #tick(): void {
    this.#look();
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#hasChanged || this.#writing !== undefined || nowMs < this.#nextAtMs) return;
    this.#hasChanged = false;
    const text = JSON.stringify({ groups: this.#names() });
    if (text === this.#written) return;
    this.#nextAtMs = nowMs + (text.length * 1_000) / BYTES_PER_SECOND;
    this.#writing = this.#write(text).finally(() => {
      this.#writing = undefined;
    });
  }

  /** With those that are away: a server that is killed twice has not forgotten them. */
  #names(): Names {
    const { fleet } = this.#options;
    const groups = new Map<string, string[]>();
    const add = (group: string | undefined, id: string) => {
      if (group === undefined) return;
      const ids = groups.get(group);
      if (ids === undefined) groups.set(group, [id]);
      else ids.push(id);
    };
    const connected = [...fleet().nodes.values()].filter(({ streams }) => streams.length > 0);
    for (const { id, group } of connected.slice(0, NODES_MAX)) add(group, id);
    for (const [id, { group }] of this.#away) add(group, id);
    return [...groups].map(([group, ids]) => [group, ids.sort()]);
  }

  async #write(text: string): Promise<void> {
    const { store, replica } = this.#options;
    const key = `${PREFIX}${replica}`;
    try {
      const revision = (await store.get(key))?.revision ?? 0;
      await store.put(key, Buffer.from(text), { revision });
      this.#written = text;
    } catch {
      // The state is not there, which others tell; the next change is written again.
      this.#hasChanged = true;
    }
  }

  /** What replicas have left that are gone; one that is there has changed it since, or is seen. */
  async #forget(documents: readonly StateDocument[]): Promise<void> {
    const here = new Set(this.#options.others().map(({ replica }) => replica));
    for (const { key, revision } of documents) {
      if (here.has(key.slice(PREFIX.length))) continue;
      await this.#options.store.delete(key, { revision }).catch(() => undefined);
    }
  }
}

function readNames(bytes: Uint8Array): Names {
  try {
    return documentSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8"))).groups;
  } catch {
    return [];
  }
}
