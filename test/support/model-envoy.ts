/**
 * An Envoy as its main thread sees xDS, without sockets: what it asks, answers and would do to traffic.
 *
 * It follows Envoy 1.40 where that matters for order: a new or changed cluster serves only after its
 * endpoints arrive behind it on the stream, and the old object serves until then; after its start the ACK
 * of clusters is withheld while any is warming; listeners are asked for once all first clusters are up; a
 * rejected response is applied but for what is bad in it; SotW asks again for the endpoints of changed
 * clusters, delta does not; a replaced listener drains and keeps its routes meanwhile.
 *
 * What would have cost a request is collected in `problems`.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import type { Demand, Response, Variant } from "../../src/xds/stream-state.ts";
import { contentOf } from "./build-snapshot.ts";

/** Envoy's `initial_fetch_timeout`. */
const INITIAL_FETCH_MS = 15_000;

/** What a model is made of. */
export interface ModelOptions {
  readonly variant: Variant;
  /** Asks for `*` instead of nothing. */
  readonly explicitWildcard: boolean;
  readonly graceMs: number;
  readonly drainMs: number;
  /** Whether the next rejection names the resource. */
  namesRejected(): boolean;
}

/** A cluster that waited for its endpoints until Envoy gave up. */
export interface Stall {
  readonly cluster: string;
  readonly sinceMs: number;
}

interface ClusterObject {
  readonly version: string;
  readonly child: string | undefined;
  readonly sinceMs: number;
  hostCount: number;
}

interface ListenerObject {
  readonly version: string;
  readonly route: string;
}

/** One name with the object that serves and the one that is to replace it. */
interface Slot<Thing> {
  active: Thing | undefined;
  warming: Thing | undefined;
}

/** What the client knows of one type. */
interface ClientType {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  asked: boolean;
  askedOnStream: boolean;
  names: Set<string>;
  versionInfo: string;
  nonce: string;
  mixed: boolean;
  readonly versions: Map<string, string>;
}

export class ModelEnvoy {
  /** Requests that would have failed, in words. */
  readonly problems: string[] = [];
  readonly stalls: Stall[] = [];
  /** Clusters that may be missing although routes lead to them: rejected while there was no traffic yet. */
  readonly tolerated = new Set<string>();
  /** Clusters of a first config that was rejected without a name: nobody can know which of them are there. */
  readonly forgiven = new Set<string>();
  readonly #options: ModelOptions;
  readonly #types: Readonly<Record<"clusters" | "endpoints" | "listeners" | "routes", ClientType>>;
  readonly #clusters = new Map<string, Slot<ClusterObject>>();
  readonly #listeners = new Map<string, Slot<ListenerObject>>();
  readonly #routes = new Map<string, Resource>();
  readonly #lastRoutedMs = new Map<string, number>();
  /** Taken up by a new listener with the content that a draining one still has, until the next update. */
  readonly #stale = new Set<string>();
  #draining: { readonly route: string; readonly untilMs: number }[] = [];
  #connected = false;
  /** The first clusters are up, so listeners are asked for and ACKs of clusters mean "warm". */
  #ready = false;
  #firstClustersSeen = false;
  /** What is sent of the cluster type once nothing is warming. */
  #withheld: (() => Demand) | undefined;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#types = {
      clusters: createClientType(typeUrls.cluster, true),
      endpoints: createClientType(typeUrls.endpoints, false),
      listeners: createClientType(typeUrls.listener, true),
      routes: createClientType(typeUrls.route, false),
    };
  }

  /** Opens a stream; returns the first requests. */
  connect(): readonly Demand[] {
    this.#connected = true;
    for (const type of Object.values(this.#types)) {
      type.askedOnStream = false;
      type.nonce = "";
    }
    const { clusters, endpoints, listeners, routes } = this.#types;
    const demands: Demand[] = [];
    // While clusters warm after the start, their type is paused: it is asked for later (envoy#36951).
    if (this.#ready && this.#isWarming()) this.#withheld = () => this.#firstRequest(clusters);
    else demands.push(this.#firstRequest(clusters));
    if (endpoints.names.size > 0) demands.push(this.#firstRequest(endpoints));
    if (listeners.asked) demands.push(this.#firstRequest(listeners));
    if (routes.names.size > 0) demands.push(this.#firstRequest(routes));
    return demands;
  }

  disconnect(): void {
    this.#connected = false;
    this.#withheld = undefined;
  }

  /** Takes a response and returns what is sent. */
  receive(response: Response, atMs: number): readonly Demand[] {
    this.#touch(atMs);
    const demands = this.#apply(response, atMs);
    this.#check(atMs);
    return demands;
  }

  /** Lets time pass. */
  tick(atMs: number): readonly Demand[] {
    this.#touch(atMs);
    for (const [cluster, slot] of this.#clusters) {
      if (slot.warming === undefined || slot.warming.sinceMs + INITIAL_FETCH_MS > atMs) continue;
      this.stalls.push({ cluster, sinceMs: slot.warming.sinceMs });
      this.#promote(cluster, slot, slot.active?.hostCount ?? 0);
    }
    const before = this.#draining.length;
    this.#draining = this.#draining.filter(({ untilMs }) => untilMs > atMs);
    const demands = before === this.#draining.length ? [] : this.#followRoutes();
    demands.push(...this.#whenWarm());
    this.#check(atMs);
    return demands;
  }

  /** When `tick` changes something. */
  nextTickMs(): number | undefined {
    const times = this.#draining.map(({ untilMs }) => untilMs);
    for (const { warming } of this.#clusters.values()) {
      if (warming !== undefined) times.push(warming.sinceMs + INITIAL_FETCH_MS);
    }
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** What is in use, by type and name: `c:` clusters, `e:` hosts, `l:` listeners, `r:` routes. */
  holds(): ReadonlyMap<string, string> {
    const held = new Map<string, string>();
    for (const [name, { active, warming }] of this.#clusters) {
      if (active !== undefined) {
        held.set(`c:${name}`, active.version);
        if (active.child !== undefined) held.set(`e:${name}`, String(active.hostCount));
      }
      if (warming !== undefined) held.set(`c:${name} warming`, warming.version);
    }
    for (const [name, { active, warming }] of this.#listeners) {
      if (active !== undefined) held.set(`l:${name}`, active.version);
      if (warming !== undefined) held.set(`l:${name} warming`, warming.version);
    }
    const used = this.#routeNames({ draining: false });
    for (const [name, route] of this.#routes) if (used.has(name)) held.set(`r:${name}`, route.version);
    return held;
  }

  /** The accepted version_info of a SotW type. */
  acceptedVersion(type: "clusters" | "listeners"): string {
    return this.#types[type].versionInfo;
  }

  /** Types whose last response was rejected, so that parts of it are mixed with what was there before. */
  mixedTypes(): readonly string[] {
    return Object.values(this.#types).flatMap(({ mixed, typeUrl }) => (mixed ? [typeUrl] : []));
  }

  /** Whether requests find a route at all. */
  hasTraffic(): boolean {
    return this.#routedNow().size > 0;
  }

  #apply(response: Response, atMs: number): readonly Demand[] {
    switch (response.typeUrl) {
      case typeUrls.cluster:
        return this.#applyClusters(response, atMs);
      case typeUrls.endpoints:
        return this.#applyEndpoints(response);
      case typeUrls.listener:
        return this.#applyListeners(response, atMs);
      case typeUrls.route:
        return this.#applyRoutes(response, atMs);
      default:
        throw new Error(`never asked for ${response.typeUrl}`);
    }
  }

  #applyClusters(response: Response, atMs: number): readonly Demand[] {
    const type = this.#types.clusters;
    let changed = false;
    const bad: string[] = [];
    for (const resource of response.resources) {
      const { bad: isBad, child } = contentOf(resource);
      if (isBad) {
        bad.push(resource.name);
        continue;
      }
      const slot = slotOf(this.#clusters, resource.name);
      if (slot.active?.version === resource.version) slot.warming = undefined;
      else if (slot.warming?.version !== resource.version) {
        slot.warming = { version: resource.version, child, sinceMs: atMs, hostCount: 0 };
        changed ||= child !== undefined;
        if (child === undefined) this.#promote(resource.name, slot, 1);
      }
    }
    for (const name of this.#gone(response, this.#clusters)) this.#removeCluster(name, atMs);
    const answer = this.#answer(type, response, bad);
    const demands = this.#follow(this.#types.endpoints, this.#endpointNames(), changed);
    this.#firstClustersSeen = true;
    if (this.#ready && this.#isWarming()) this.#withheld = answer;
    else demands.push(answer());
    demands.push(...this.#whenWarm());
    return demands;
  }

  #applyEndpoints(response: Response): readonly Demand[] {
    const type = this.#types.endpoints;
    const bad: string[] = [];
    for (const resource of response.resources) {
      if (!type.names.has(resource.name)) continue;
      const content = contentOf(resource);
      if (content.bad) bad.push(resource.name);
      else this.#supply(resource.name, content.hostCount);
    }
    for (const name of response.removed) this.#supply(name, undefined);
    const demands = [this.#answer(type, response, bad)()];
    demands.push(...this.#whenWarm());
    return demands;
  }

  /** `undefined`: there are none, so what warms ends up without hosts, and what serves keeps them. */
  #supply(name: string, hostCount: number | undefined): void {
    for (const [cluster, slot] of this.#clusters) {
      if (slot.warming?.child === name) this.#promote(cluster, slot, hostCount ?? 0);
      else if (slot.active?.child === name && hostCount !== undefined) slot.active.hostCount = hostCount;
    }
  }

  #applyListeners(response: Response, atMs: number): readonly Demand[] {
    const bad: string[] = [];
    for (const resource of response.resources) {
      const { bad: isBad, child } = contentOf(resource);
      if (isBad) {
        bad.push(resource.name);
        continue;
      }
      const slot = slotOf(this.#listeners, resource.name);
      if (slot.active?.version === resource.version) slot.warming = undefined;
      else slot.warming = { version: resource.version, route: child ?? "" };
    }
    for (const name of this.#gone(response, this.#listeners)) {
      this.#drain(this.#listeners.get(name)?.active, atMs);
      this.#listeners.delete(name);
    }
    this.#startListeners(atMs);
    const answer = this.#answer(this.#types.listeners, response, bad);
    return [...this.#followRoutes(), answer()];
  }

  #applyRoutes(response: Response, atMs: number): readonly Demand[] {
    const type = this.#types.routes;
    const bad: string[] = [];
    for (const resource of response.resources) {
      if (!type.names.has(resource.name)) continue;
      if (contentOf(resource).bad) bad.push(resource.name);
      else this.#routes.set(resource.name, resource);
      this.#stale.delete(resource.name);
    }
    this.#startListeners(atMs);
    const answer = this.#answer(type, response, bad);
    return [answer(), ...this.#followRoutes()];
  }

  #startListeners(atMs: number): void {
    for (const slot of this.#listeners.values()) {
      if (slot.warming === undefined || !this.#routes.has(slot.warming.route)) continue;
      if (this.#draining.some(({ route }) => route === slot.warming?.route)) this.#stale.add(slot.warming.route);
      this.#drain(slot.active, atMs);
      slot.active = slot.warming;
      slot.warming = undefined;
    }
  }

  #drain(listener: ListenerObject | undefined, atMs: number): void {
    if (listener !== undefined) this.#draining.push({ route: listener.route, untilMs: atMs + this.#options.drainMs });
  }

  #promote(name: string, slot: Slot<ClusterObject>, hostCount: number): void {
    if (slot.warming === undefined) return;
    slot.active = slot.warming;
    slot.active.hostCount = hostCount;
    slot.warming = undefined;
    if (hostCount > 0) this.tolerated.delete(name);
  }

  #removeCluster(name: string, atMs: number): void {
    const since = atMs - (this.#lastRoutedMs.get(name) ?? -Infinity);
    if (since < this.#options.graceMs && !this.tolerated.has(name) && !this.forgiven.has(name)) {
      this.problems.push(`cluster ${name} was removed ${since} ms after the last route to it`);
    }
    this.#clusters.delete(name);
  }

  /** What follows when no cluster is warming. */
  #whenWarm(): Demand[] {
    if (this.#isWarming()) return [];
    const demands: Demand[] = [];
    const withheld = this.#withheld;
    this.#withheld = undefined;
    if (withheld !== undefined) demands.push(withheld());
    if (!this.#ready && this.#firstClustersSeen) {
      this.#ready = true;
      if (this.#connected) demands.push(this.#firstRequest(this.#types.listeners));
      this.#types.listeners.asked = true;
    }
    return demands;
  }

  #followRoutes(): Demand[] {
    const names = this.#routeNames({ draining: true });
    for (const name of this.#routes.keys()) if (!names.has(name)) this.#routes.delete(name);
    return this.#follow(this.#types.routes, names, false);
  }

  /** Changes the names of a type; `repeat` asks in SotW even when they are the same. */
  #follow(type: ClientType, names: Set<string>, repeat: boolean): Demand[] {
    const added = [...names].filter((name) => !type.names.has(name));
    const dropped = [...type.names].filter((name) => !names.has(name));
    type.names = names;
    for (const name of dropped) type.versions.delete(name);
    if (!this.#connected) return [];
    if (!type.askedOnStream) return names.size === 0 ? [] : [this.#firstRequest(type)];
    if (this.#options.variant === "delta") {
      return added.length + dropped.length === 0 ? [] : [deltaDemand(type, { subscribe: added, unsubscribe: dropped })];
    }
    if (added.length + dropped.length === 0 && !(repeat && names.size > 0)) return [];
    return [this.#sotwDemand(type, undefined)];
  }

  #firstRequest(type: ClientType): Demand {
    type.asked = true;
    type.askedOnStream = true;
    if (this.#options.variant === "sotw") return this.#sotwDemand(type, undefined);
    return deltaDemand(type, { subscribe: this.#asList(type), initialVersions: new Map(type.versions) });
  }

  /** Books the response; the ACK or NACK is made when it is sent. */
  #answer(type: ClientType, response: Response, bad: readonly string[]): () => Demand {
    type.nonce = response.nonce;
    const error = bad.length === 0 ? undefined : this.#describe(bad);
    type.mixed = error !== undefined;
    // After a rejection Envoy goes on naming what it had accepted before, though it has applied parts of it.
    if (error === undefined) {
      type.versionInfo = response.versionInfo;
      for (const { name, version } of response.resources) {
        if (type.wildcard || type.names.has(name)) type.versions.set(name, version);
      }
      for (const name of response.removed) type.versions.delete(name);
    }
    if (this.#options.variant === "sotw") return () => this.#sotwDemand(type, error);
    return () => deltaDemand(type, { nonce: response.nonce, error });
  }

  #describe(bad: readonly string[]): string {
    return this.#options.namesRejected()
      ? `Error adding/updating resource(s) ${bad.map((name) => `${name}: bad`).join(", ")}`
      : "Proto constraint validation failed (value must be greater than 0)";
  }

  #sotwDemand(type: ClientType, error: string | undefined): Demand {
    const { typeUrl, versionInfo, nonce } = type;
    return { variant: "sotw", typeUrl, names: this.#asList(type), versionInfo, nonce, error };
  }

  #asList(type: ClientType): readonly string[] {
    if (!type.wildcard) return [...type.names];
    return this.#options.explicitWildcard ? ["*"] : [];
  }

  #gone(response: Response, present: ReadonlyMap<string, unknown>): readonly string[] {
    if (this.#options.variant === "delta") return response.removed;
    const sent = new Set<string>(response.resources.map(({ name }) => name));
    return [...present.keys()].filter((name) => !sent.has(name));
  }

  #isWarming(): boolean {
    return [...this.#clusters.values()].some(({ warming }) => warming !== undefined);
  }

  #endpointNames(): Set<string> {
    const objects = [...this.#clusters.values()].flatMap(({ active, warming }) => [active, warming]);
    return new Set(objects.flatMap((object) => object?.child ?? []));
  }

  #routeNames(options: { readonly draining: boolean }): Set<string> {
    const objects = [...this.#listeners.values()].flatMap(({ active, warming }) => [active, warming]);
    const names = new Set(objects.flatMap((object) => object?.route ?? []));
    if (options.draining) for (const { route } of this.#draining) names.add(route);
    return names;
  }

  #routed(names: Iterable<string>): Set<string> {
    return new Set([...names].flatMap((name) => contentsOfRoute(this.#routes.get(name))));
  }

  /** Clusters that new requests lead to. */
  #routedNow(): Set<string> {
    return this.#routed(this.#activeRoutes());
  }

  #activeRoutes(): readonly string[] {
    return [...this.#listeners.values()].flatMap(({ active }) => active?.route ?? []);
  }

  #touch(atMs: number): void {
    for (const cluster of this.#routedNow()) this.#lastRoutedMs.set(cluster, atMs);
  }

  #check(atMs: number): void {
    const complain = (cluster: string, text: string) => {
      if (!this.tolerated.has(cluster) && !this.forgiven.has(cluster))
        this.problems.push(`at ${atMs} ms ${text} ${cluster}`);
    };
    const fresh = this.#routed(this.#activeRoutes().filter((route) => !this.#stale.has(route)));
    for (const cluster of this.#routedNow()) {
      const active = this.#clusters.get(cluster)?.active;
      if (active === undefined) complain(cluster, "a route leads to a missing cluster:");
      else if (active.hostCount === 0 && fresh.has(cluster))
        complain(cluster, "a route leads to a cluster without hosts:");
    }
    for (const cluster of this.#routed(this.#draining.map(({ route }) => route))) {
      if (this.#clusters.get(cluster)?.active === undefined)
        complain(cluster, "a draining listener leads to a missing cluster:");
    }
  }
}

function createClientType(typeUrl: string, wildcard: boolean): ClientType {
  return {
    typeUrl,
    wildcard,
    asked: false,
    askedOnStream: false,
    names: new Set(),
    versionInfo: "",
    nonce: "",
    mixed: false,
    versions: new Map(),
  };
}

function deltaDemand(type: ClientType, parts: Partial<Demand & { readonly variant: "delta" }>): Demand {
  return {
    variant: "delta",
    typeUrl: type.typeUrl,
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(),
    nonce: "",
    error: undefined,
    ...parts,
  };
}

function slotOf<Thing>(slots: Map<string, Slot<Thing>>, name: string): Slot<Thing> {
  let slot = slots.get(name);
  if (slot === undefined) slots.set(name, (slot = { active: undefined, warming: undefined }));
  return slot;
}

function contentsOfRoute(route: Resource | undefined): readonly string[] {
  return route === undefined ? [] : contentOf(route).clusters;
}
