/**
 * What a model Envoy asks for by name of one type: all names on the one stream, or each on a stream of its own.
 *
 * A key is a name, or a name and after `#` which of several objects asks for it: without ADS each cluster object has
 * its own stream of endpoints, which begins with it and ends with it.
 */
import { resourceType } from "../../src/snapshot/type-url.ts";
import type { Variant } from "../../src/xds/stream-state.ts";
import type { ClientType, Outgoing } from "./client-type.ts";
import { createClientType, deltaDemand, firstRequest, sotwDemand } from "./client-type.ts";

/** What is followed with the keys. */
export interface Following {
  readonly connected: boolean;
  /** SotW: ask again even when the names are the same. */
  readonly repeat: boolean;
}

export class NamedSubscription {
  readonly #typeUrl: string;
  readonly #variant: Variant;
  /** Undefined where each name has its own. */
  readonly #only: ClientType | undefined;
  /** By key. */
  readonly #each = new Map<string, ClientType>();
  #opened = 0;

  constructor(typeUrl: string, variant: Variant, streams: "one" | "each") {
    this.#typeUrl = typeUrl;
    this.#variant = variant;
    this.#only = streams === "one" ? createClientType(typeUrl, "none") : undefined;
  }

  get types(): readonly ClientType[] {
    return this.#only === undefined ? [...this.#each.values()] : [this.#only];
  }

  /** Opens streams; returns the first requests. */
  connect(): Outgoing[] {
    return this.types.filter(({ names }) => names.size > 0).map((type) => firstRequest(this.#variant, type));
  }

  /** Of which subscription a response is; undefined: its stream has ended meanwhile. */
  typeOf(stream: string): ClientType | undefined {
    return this.#only ?? this.types.find((type) => type.stream === stream);
  }

  /** Whether a response on that stream is for who asks with that key. */
  isFor(stream: string, key: string): boolean {
    if (this.#only !== undefined) return true;
    return this.#each.get(key)?.stream === stream;
  }

  /** Asks for what has these keys, and for nothing else. */
  follow(keys: Set<string>, following: Following): Outgoing[] {
    return this.#only === undefined ? this.#followEach(keys, following) : this.#followAll(this.#only, keys, following);
  }

  #followEach(keys: ReadonlySet<string>, { connected }: Following): Outgoing[] {
    for (const key of this.#each.keys()) if (!keys.has(key)) this.#each.delete(key);
    const asked: Outgoing[] = [];
    for (const key of keys) {
      if (this.#each.has(key)) continue;
      this.#opened += 1;
      const stream = `${resourceType(this.#typeUrl)?.shortName} ${key} of ${this.#opened}`;
      const type = createClientType(this.#typeUrl, "none", stream);
      type.names = new Set([key.split("#")[0] ?? key]);
      this.#each.set(key, type);
      if (connected) asked.push(firstRequest(this.#variant, type));
    }
    return asked;
  }

  #followAll(type: ClientType, names: Set<string>, { connected, repeat }: Following): Outgoing[] {
    const added = [...names].filter((name) => !type.names.has(name));
    const dropped = [...type.names].filter((name) => !names.has(name));
    type.names = names;
    for (const name of dropped) {
      type.versions.delete(name);
      type.unsettled.delete(name);
    }
    if (!connected) return [];
    if (!type.askedOnStream) return names.size === 0 ? [] : [firstRequest(this.#variant, type)];
    if (this.#variant === "delta") {
      return added.length + dropped.length === 0 ? [] : [deltaDemand(type, { subscribe: added, unsubscribe: dropped })];
    }
    if (added.length + dropped.length === 0 && !(repeat && names.size > 0)) return [];
    return [sotwDemand(type, undefined)];
  }
}
