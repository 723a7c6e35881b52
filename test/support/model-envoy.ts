/**
 * An Envoy as its main thread sees xDS, without sockets: what it asks, answers and would do to traffic.
 *
 * It follows Envoy 1.40 where that matters for order: a new or changed cluster serves only after its
 * endpoints arrive behind it on the stream, and the old object serves until then; after its start the ACK
 * of clusters is withheld while any is warming; listeners are asked for once all first clusters are up; a
 * rejected response is applied but for what is bad in it; SotW asks again for the endpoints of changed
 * clusters, delta does not; a cluster also waits for its secrets, which clusters share; a replaced listener
 * drains and keeps its routes meanwhile.
 *
 * What would have cost a request is collected in `problems`.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { present } from "../../src/support/assert.ts";
import type { Response, Variant } from "../../src/xds/stream-state.ts";
import { AskedHosts } from "./asked-hosts-model.ts";
import { contentOf } from "./build-snapshot.ts";
import type { ClientType, Outgoing, RejectionStyle } from "./client-type.ts";
import { ADS, answer, createClientType, firstRequest } from "./client-type.ts";
import { NamedSubscription } from "./named-subscription.ts";
import type { Random } from "./random.ts";

/** Envoy's `initial_fetch_timeout`. */
const INITIAL_FETCH_MS = 15_000;

/** What a model is made of. */
export interface ModelOptions {
  readonly variant: Variant;
  /** All on one stream (ADS), or each subscription on a stream of its own. */
  readonly streams: "one" | "each";
  /** Asks for `*` instead of nothing. */
  readonly explicitWildcard: boolean;
  /** Its routes have virtual hosts on demand; only in delta. */
  readonly hostsOnDemand: boolean;
  readonly graceMs: number;
  readonly drainMs: number;
  /** How the next rejection is made. */
  rejectionStyle(): RejectionStyle;
}

/** A cluster that waited for its endpoints until Envoy gave up. */
export interface Stall {
  readonly cluster: string;
  readonly sinceMs: number;
  /** Its load assignment, when that was missing. */
  readonly endpoints: string | undefined;
  /** The secrets that were missing. */
  readonly secrets: readonly string[];
}

interface ClusterObject {
  readonly id: number;
  readonly version: string;
  readonly child: string | undefined;
  readonly secrets: readonly string[];
  readonly sinceMs: number;
  /** Its endpoints arrived after it, or were said not to exist. */
  supplied: boolean;
  hostCount: number;
  /** Envoy gave up waiting for a secret, so nothing can be sent through it. */
  lacksSecret: boolean;
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

interface Verdict {
  readonly bad: readonly string[];
  readonly style: RejectionStyle;
  readonly taken: readonly Resource[];
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
  readonly #types: {
    readonly clusters: ClientType;
    readonly endpoints: NamedSubscription;
    readonly secrets: NamedSubscription;
    readonly listeners: ClientType;
    readonly routes: NamedSubscription;
  };
  readonly #hosts: AskedHosts | undefined;
  readonly #clusters = new Map<string, Slot<ClusterObject>>();
  readonly #listeners = new Map<string, Slot<ListenerObject>>();
  readonly #routes = new Map<string, Resource>();
  readonly #secrets = new Map<string, Resource>();
  readonly #lastRoutedMs = new Map<string, number>();
  /** Taken up by a new listener with the content that a draining one still has, until the next update. */
  readonly #stale = new Set<string>();
  #draining: { readonly route: string; readonly untilMs: number }[] = [];
  #connected = false;
  #objects = 0;
  /** The first clusters are up, so listeners are asked for and ACKs of clusters mean "warm". */
  #ready = false;
  #firstClustersSeen = false;
  #listenersAsked = false;
  /** What is sent of the cluster type once nothing is warming. */
  #withheld: (() => Outgoing) | undefined;

  constructor(options: ModelOptions) {
    this.#options = options;
    const { variant, streams } = options;
    this.#hosts = options.hostsOnDemand ? new AskedHosts() : undefined;
    const wildcard = options.explicitWildcard ? "explicit" : "legacy";
    this.#types = {
      clusters: createClientType(typeUrls.cluster, wildcard, streams === "one" ? ADS : "CDS"),
      endpoints: new NamedSubscription(typeUrls.endpoints, variant, streams),
      secrets: new NamedSubscription(typeUrls.secret, variant, streams),
      listeners: createClientType(typeUrls.listener, wildcard, streams === "one" ? ADS : "LDS"),
      routes: new NamedSubscription(typeUrls.route, variant, streams),
    };
  }

  /** Opens a stream; returns the first requests. */
  connect(): readonly Outgoing[] {
    this.#connected = true;
    for (const type of this.types) {
      type.askedOnStream = false;
      type.nonce = "";
    }
    const { clusters, endpoints, secrets, listeners, routes } = this.#types;
    const demands: Outgoing[] = [];
    // While clusters warm after the start, their type is paused: it is asked for later (envoy#36951).
    if (this.#mayWithhold()) this.#withheld = () => this.#firstRequest(clusters);
    else demands.push(this.#firstRequest(clusters));
    demands.push(...secrets.connect(), ...endpoints.connect());
    if (this.#listenersAsked) demands.push(this.#firstRequest(listeners));
    demands.push(...routes.connect(), ...(this.#hosts?.connect() ?? []));
    return demands;
  }

  disconnect(): void {
    this.#connected = false;
    this.#withheld = undefined;
  }

  /** Takes a response and returns what is sent. */
  receive(response: Response, atMs: number, stream: string): readonly Outgoing[] {
    this.#touch(atMs);
    const demands = this.#apply(response, atMs, stream);
    this.#check(atMs);
    return demands;
  }

  /** Lets time pass. */
  tick(atMs: number): readonly Outgoing[] {
    this.#touch(atMs);
    for (const [cluster, slot] of this.#clusters) {
      if (slot.warming === undefined || slot.warming.sinceMs + INITIAL_FETCH_MS > atMs) continue;
      const { sinceMs, supplied, child } = slot.warming;
      const secrets = slot.warming.secrets.filter((name) => !this.#secrets.has(name));
      this.stalls.push({ cluster, sinceMs, endpoints: supplied ? undefined : child, secrets });
      if (!slot.warming.supplied) slot.warming.hostCount = slot.active?.hostCount ?? 0;
      // What served before could still serve; who sends routes to a new cluster has to know that it came up.
      slot.warming.lacksSecret = slot.active?.lacksSecret !== false && !this.#hasSecrets(slot.warming);
      this.#promote(cluster, slot);
      // What it took over it does not name as held on the stream of its own, so a control plane cannot know of it.
      if (!supplied && this.#options.streams === "each") this.tolerated.add(cluster);
    }
    const before = this.#draining.length;
    this.#draining = this.#draining.filter(({ untilMs }) => untilMs > atMs);
    const demands = before === this.#draining.length ? [] : this.#followRoutes();
    demands.push(...this.#followSecrets(), ...this.#followEndpoints(false), ...this.#whenWarm());
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

  /** What is in use, by type and name: `c:` clusters, `e:` hosts, `l:` listeners, `r:` routes, `s:` secrets. */
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
    for (const [name, secret] of this.#secrets) held.set(`s:${name}`, secret.version);
    return held;
  }

  /** What the client books of each type. */
  get types(): readonly ClientType[] {
    const { clusters, endpoints, secrets, listeners, routes } = this.#types;
    const hosts = this.#hosts === undefined ? [] : [this.#hosts.type];
    return [clusters, ...endpoints.types, ...secrets.types, listeners, ...routes.types, ...hosts];
  }

  /** The virtual hosts that it has asked for, where they are on demand. */
  get askedHosts(): AskedHosts | undefined {
    return this.#hosts;
  }

  /** A request comes for a host, by way of a route configuration that is in use. */
  request(host: string, random: Random): readonly Outgoing[] {
    const routes = this.#activeRoutes().filter((name) => this.#routes.has(name));
    if (this.#hosts === undefined || routes.length === 0) return [];
    return this.#hosts.request(`${random.pick(routes)}/${host}`, this.#connected);
  }

  /** Whether there are route configurations in use. */
  hasRoutes(): boolean {
    return this.#activeRoutes().some((name) => this.#routes.has(name));
  }

  /** Whether requests find a route at all. */
  hasTraffic(): boolean {
    return this.#routedNow().size > 0;
  }

  #apply(response: Response, atMs: number, stream: string): readonly Outgoing[] {
    switch (response.typeUrl) {
      case typeUrls.cluster:
        return this.#applyClusters(response, atMs);
      case typeUrls.endpoints:
        return this.#applyEndpoints(response, stream);
      case typeUrls.secret:
        return this.#applySecrets(response, stream);
      case typeUrls.listener:
        return this.#applyListeners(response, atMs);
      case typeUrls.route:
        return this.#applyRoutes(response, atMs, stream);
      case typeUrls.virtualHost:
        return [present(this.#hosts, "only then it asks for any").receive(response)()];
      default:
        throw new Error(`never asked for ${response.typeUrl}`);
    }
  }

  #applyClusters(response: Response, atMs: number): readonly Outgoing[] {
    const type = this.#types.clusters;
    const verdict = this.#judge(response);
    let changed = false;
    for (const resource of verdict.taken) {
      const { child, secrets } = contentOf(resource);
      const slot = slotOf(this.#clusters, resource.name);
      if (slot.active?.version === resource.version) slot.warming = undefined;
      else if (slot.warming?.version !== resource.version) {
        this.#objects += 1;
        slot.warming = {
          id: this.#objects,
          version: resource.version,
          child,
          secrets,
          sinceMs: atMs,
          supplied: child === undefined,
          hostCount: child === undefined ? 1 : 0,
          lacksSecret: false,
        };
        changed ||= child !== undefined;
      }
    }
    if (verdict.style !== "unread") {
      for (const name of this.#gone(response, this.#clusters)) this.#removeCluster(name, atMs);
    }
    const reply = answer(this.#options.variant, type, response, verdict);
    this.#promoteReady();
    const demands = this.#followSecrets();
    demands.push(...this.#followEndpoints(changed));
    this.#firstClustersSeen = true;
    if (this.#mayWithhold()) this.#withheld = reply;
    else demands.push(reply());
    demands.push(...this.#whenWarm());
    return demands;
  }

  #applyEndpoints(response: Response, stream: string): readonly Outgoing[] {
    const type = this.#types.endpoints.typeOf(stream);
    if (type === undefined) return [];
    const verdict = this.#judge(response, type);
    for (const resource of verdict.taken) this.#supply(resource.name, contentOf(resource).hostCount, stream);
    if (verdict.style !== "unread") for (const name of response.removed) this.#supply(name, undefined, stream);
    return this.#whenSupplied(answer(this.#options.variant, type, response, verdict));
  }

  #applySecrets(response: Response, stream: string): readonly Outgoing[] {
    const type = this.#types.secrets.typeOf(stream);
    if (type === undefined) return [];
    const verdict = this.#judge(response, type);
    for (const resource of verdict.taken) this.#secrets.set(resource.name, resource);
    for (const { active } of this.#clusters.values()) {
      if (active?.lacksSecret === true) active.lacksSecret = !this.#hasSecrets(active);
    }
    return this.#whenSupplied(answer(this.#options.variant, type, response, verdict));
  }

  #whenSupplied(reply: () => Outgoing): readonly Outgoing[] {
    this.#promoteReady();
    // What only the object before named is not asked for any more.
    return [reply(), ...this.#followSecrets(), ...this.#followEndpoints(false), ...this.#whenWarm()];
  }

  /** `undefined`: there are none, so what warms ends up without hosts, and what serves keeps them. */
  #supply(name: string, hostCount: number | undefined, stream: string): void {
    const isFor = (object: ClusterObject) => this.#types.endpoints.isFor(stream, endpointKey(object));
    for (const { active, warming } of this.#clusters.values()) {
      if (warming?.child === name && isFor(warming)) {
        warming.supplied = true;
        warming.hostCount = hostCount ?? 0;
      } else if (active?.child === name && hostCount !== undefined && isFor(active)) active.hostCount = hostCount;
    }
  }

  #applyListeners(response: Response, atMs: number): readonly Outgoing[] {
    const verdict = this.#judge(response);
    for (const resource of verdict.taken) {
      const slot = slotOf(this.#listeners, resource.name);
      if (slot.active?.version === resource.version) slot.warming = undefined;
      else slot.warming = { version: resource.version, route: contentOf(resource).child ?? "" };
    }
    if (verdict.style !== "unread") {
      for (const name of this.#gone(response, this.#listeners)) {
        this.#drain(this.#listeners.get(name)?.active, atMs);
        this.#listeners.delete(name);
      }
    }
    this.#startListeners(atMs);
    const reply = answer(this.#options.variant, this.#types.listeners, response, verdict);
    return [...this.#followRoutes(), reply()];
  }

  #applyRoutes(response: Response, atMs: number, stream: string): readonly Outgoing[] {
    const type = this.#types.routes.typeOf(stream);
    if (type === undefined) return [];
    const verdict = this.#judge(response, type);
    for (const resource of verdict.taken) {
      if (this.#routes.get(resource.name)?.version !== resource.version) this.#hosts?.forgetRoute(resource.name);
      this.#routes.set(resource.name, resource);
      this.#stale.delete(resource.name);
    }
    this.#startListeners(atMs);
    const reply = answer(this.#options.variant, type, response, verdict);
    return [reply(), ...this.#followRoutes()];
  }

  /** Which resources are bad, how that is said, and which are taken; names that are not wanted are not looked at. */
  #judge(response: Response, named?: ClientType): Verdict {
    const wanted = named === undefined ? response.resources : response.resources.filter((r) => named.names.has(r.name));
    const bad = wanted.filter((resource) => contentOf(resource).bad);
    if (bad.length === 0) return { bad: [], style: "named", taken: wanted };
    const style = this.#options.rejectionStyle();
    const taken = style === "unread" ? [] : wanted.filter((resource) => !contentOf(resource).bad);
    return { bad: bad.map(({ name }) => name), style, taken };
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

  /** Clusters that have all that they waited for begin to serve. */
  #promoteReady(): void {
    for (const [name, slot] of this.#clusters) {
      if (slot.warming?.supplied === true && this.#hasSecrets(slot.warming)) this.#promote(name, slot);
    }
  }

  #hasSecrets({ secrets }: ClusterObject): boolean {
    return secrets.every((name) => this.#secrets.has(name));
  }

  #promote(name: string, slot: Slot<ClusterObject>): void {
    if (slot.warming === undefined) return;
    slot.active = slot.warming;
    slot.warming = undefined;
    if (slot.active.hostCount > 0 && !slot.active.lacksSecret) this.tolerated.delete(name);
  }

  #removeCluster(name: string, atMs: number): void {
    const since = atMs - (this.#lastRoutedMs.get(name) ?? -Infinity);
    if (since < this.#options.graceMs && !this.tolerated.has(name) && !this.forgiven.has(name)) {
      this.problems.push(`cluster ${name} was removed ${since} ms after the last route to it`);
    }
    this.#clusters.delete(name);
  }

  /** What follows when no cluster is warming. */
  #whenWarm(): Outgoing[] {
    if (this.#isWarming()) return [];
    const demands: Outgoing[] = [];
    const withheld = this.#withheld;
    this.#withheld = undefined;
    if (withheld !== undefined) demands.push(withheld());
    if (!this.#ready && this.#firstClustersSeen) {
      this.#ready = true;
      this.#listenersAsked = true;
      if (this.#connected) demands.push(this.#firstRequest(this.#types.listeners));
    }
    return demands;
  }

  #followRoutes(): Outgoing[] {
    const names = this.#routeNames({ draining: true });
    for (const name of this.#routes.keys()) if (!names.has(name)) this.#routes.delete(name);
    const ended = this.#hosts?.keepRoutes(names, this.#connected) ?? [];
    return [...this.#follow(this.#types.routes, names, false), ...ended];
  }

  #followEndpoints(changed: boolean): Outgoing[] {
    return this.#follow(this.#types.endpoints, this.#endpointKeys(), changed);
  }

  #followSecrets(): Outgoing[] {
    return this.#follow(this.#types.secrets, this.#secretNames(), false);
  }

  #follow(named: NamedSubscription, keys: Set<string>, repeat: boolean): Outgoing[] {
    return named.follow(keys, { connected: this.#connected, repeat });
  }

  #firstRequest(type: ClientType): Outgoing {
    return firstRequest(this.#options.variant, type);
  }

  #gone(response: Response, held: ReadonlyMap<string, unknown>): readonly string[] {
    if (this.#options.variant === "delta") return response.removed;
    const sent = new Set<string>(response.resources.map(({ name }) => name));
    return [...held.keys()].filter((name) => !sent.has(name));
  }

  #isWarming(): boolean {
    return [...this.#clusters.values()].some(({ warming }) => warming !== undefined);
  }

  /** Only on one stream for all types the clusters are paused while any is warming after the start. */
  #mayWithhold(): boolean {
    return this.#options.streams === "one" && this.#ready && this.#isWarming();
  }

  #endpointKeys(): Set<string> {
    const objects = [...this.#clusters.values()].flatMap(({ active, warming }) => [active, warming]);
    const separate = this.#options.streams === "each";
    const keyOf = (object: ClusterObject) => (separate ? endpointKey(object) : object.child);
    return new Set(objects.flatMap((object) => (object?.child === undefined ? [] : (keyOf(object) ?? []))));
  }

  /** Secrets that nothing names any more are forgotten. */
  #secretNames(): Set<string> {
    const objects = [...this.#clusters.values()].flatMap(({ active, warming }) => [active, warming]);
    const names = new Set(objects.flatMap((object) => object?.secrets ?? []));
    for (const name of this.#secrets.keys()) if (!names.has(name)) this.#secrets.delete(name);
    return names;
  }

  #routeNames(options: { readonly draining: boolean }): Set<string> {
    const objects = [...this.#listeners.values()].flatMap(({ active, warming }) => [active, warming]);
    const names = new Set(objects.flatMap((object) => object?.route ?? []));
    if (options.draining) for (const { route } of this.#draining) names.add(route);
    return names;
  }

  #routed(names: Iterable<string>): Set<string> {
    const clusters = new Set<string>();
    for (const name of names) {
      const route = this.#routes.get(name);
      for (const each of route === undefined ? [] : [route, ...(this.#hosts?.ofRoute(name) ?? [])]) {
        for (const cluster of contentOf(each).clusters) clusters.add(cluster);
      }
    }
    return clusters;
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
      else if (active.lacksSecret && fresh.has(cluster))
        complain(cluster, "a route leads to a cluster without its secret:");
    }
    for (const cluster of this.#routed(this.#draining.map(({ route }) => route))) {
      if (this.#clusters.get(cluster)?.active === undefined)
        complain(cluster, "a draining listener leads to a missing cluster:");
    }
  }
}

function endpointKey({ child, id }: ClusterObject): string {
  return `${child}#${id}`;
}

function slotOf<Thing>(slots: Map<string, Slot<Thing>>, name: string): Slot<Thing> {
  let slot = slots.get(name);
  if (slot === undefined) slots.set(name, (slot = { active: undefined, warming: undefined }));
  return slot;
}
