/**
 * The streams between one node and one replica: one for all types (ADS), or one for each subscription.
 *
 * Each stream keeps its messages in order, in both directions; of several any may be the next to move.
 */
import { present } from "../../src/support/assert.ts";
import type { Demand, Response, StreamState, Variant } from "../../src/xds/stream-state.ts";
import type { Outgoing } from "../support/client-type.ts";
import type { Random } from "../support/random.ts";
import type { Replica } from "./replica.ts";
import { StreamChecks } from "./stream-checks.ts";

/** One stream. */
export interface Link {
  readonly stream: string;
  readonly checks: StreamChecks;
  state: StreamState | undefined;
  /** Whose snapshots it is offered. */
  group: number;
  wakeAtMs: number | undefined;
  readonly toServer: Demand[];
  readonly toClient: Response[];
}

export class Connection {
  readonly replica: Replica;
  readonly hadTraffic: boolean;
  /** The first request. */
  begunAtMs: number | undefined;
  /** Whether the client has said anything of what it holds. */
  told = false;
  /** When the streams look again at what happened on each other. */
  lookAtMs: number | undefined;
  readonly #variant: Variant;
  readonly #links = new Map<string, Link>();

  constructor(replica: Replica, client: { readonly variant: Variant; readonly hadTraffic: boolean }) {
    this.replica = replica;
    this.hadTraffic = client.hadTraffic;
    this.#variant = client.variant;
  }

  get links(): Iterable<Link> {
    return this.#links.values();
  }

  get hasForServer(): boolean {
    for (const { toServer } of this.#links.values()) if (toServer.length > 0) return true;
    return false;
  }

  get hasForClient(): boolean {
    for (const { toClient } of this.#links.values()) if (toClient.length > 0) return true;
    return false;
  }

  /** Whether a type was asked for on any of its streams. */
  knows(typeUrl: string): boolean {
    for (const { checks } of this.#links.values()) if (checks.knows(typeUrl)) return true;
    return false;
  }

  /** Whether the server has heard anything on a stream. */
  hasBegun(stream: string): boolean {
    return this.#links.get(stream)?.state !== undefined;
  }

  /** Puts requests on their streams, which begin with the first. */
  send(requests: readonly Outgoing[], group: number): void {
    for (const { stream, demand } of requests) {
      let link = this.#links.get(stream);
      if (link === undefined) {
        const checks = new StreamChecks(this.#variant);
        link = { stream, checks, group, state: undefined, wakeAtMs: undefined, toServer: [], toClient: [] };
        this.#links.set(stream, link);
      }
      link.toServer.push(demand);
    }
  }

  /** A stream that has something to deliver. */
  pick(to: "toServer" | "toClient", random: Random): Link {
    if (this.#links.size === 1) for (const link of this.#links.values()) return link;
    return random.pick([...this.#links.values()].filter((link) => link[to].length > 0));
  }

  /** The states of the other streams that a stream looks at. */
  companionsOf(stream: string): readonly StreamState[] {
    if (this.#links.size === 1) return none;
    const own = present(this.#links.get(stream), "it is asked for by its own state");
    const states: StreamState[] = [];
    for (const { stream: other, group, state } of this.#links.values()) {
      if (other !== stream && group === own.group && state !== undefined) states.push(state);
    }
    return states;
  }

  /** The client has ended all streams but these; returns whether there was any other. */
  keep(streams: ReadonlySet<string>): boolean {
    let ended = false;
    for (const stream of this.#links.keys()) if (!streams.has(stream)) ended = this.#links.delete(stream) || ended;
    return ended;
  }

  /** When a stream wants to be woken. */
  nextTimerMs(): number {
    let nextMs = this.lookAtMs ?? Infinity;
    for (const { wakeAtMs = Infinity } of this.#links.values()) nextMs = Math.min(nextMs, wakeAtMs);
    return nextMs;
  }
}

const none: readonly StreamState[] = [];
