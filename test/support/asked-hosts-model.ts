/**
 * The virtual hosts that a model Envoy has asked for on demand (VHDS), and what it was given.
 *
 * The first request names none. A request for a host that no virtual host answers asks for it and waits; a host that
 * nobody has is answered, too. A route configuration that changed has none of its virtual hosts any more.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { isHostAnswer } from "../../src/xds/asked-hosts.ts";
import type { Response } from "../../src/xds/stream-state.ts";
import type { ClientType, Outgoing } from "./client-type.ts";
import { answer, createClientType, deltaDemand, firstRequest } from "./client-type.ts";

export class AskedHosts {
  readonly type: ClientType = createClientType(typeUrls.virtualHost, "none");
  /** By own name. */
  readonly #hosts = new Map<string, Resource>();
  /** By asked name: the own name of what answers it; undefined: there is none. */
  readonly #answers = new Map<string, string | undefined>();
  /** Route configurations of which it has heard anything; their listeners are closed until then. */
  readonly #heardOf = new Set<string>();

  /** What it has, by own name. */
  get held(): ReadonlyMap<string, Resource> {
    return this.#hosts;
  }

  /** What requests lead to by way of a route configuration. */
  ofRoute(route: string): readonly Resource[] {
    return [...this.#hosts].flatMap(([name, host]) => (name.startsWith(`${route}/`) ? [host] : []));
  }

  /** The names that are asked for and were answered or not. */
  isAnswered(name: string): boolean {
    return this.#answers.has(name);
  }

  /** Whether a listener with this route configuration is open. */
  hasHeardOf(route: string): boolean {
    return this.#heardOf.has(route);
  }

  connect(): readonly Outgoing[] {
    return this.type.names.size > 0 ? [firstRequest("delta", this.type)] : [];
  }

  /** A request comes for a host. */
  request(name: string, connected: boolean): readonly Outgoing[] {
    const own = this.#answers.get(name);
    if (own !== undefined && this.#hosts.has(own)) return [];
    this.type.names.add(name);
    this.#answers.delete(name);
    if (!connected) return [];
    const begins = this.type.askedOnStream ? [] : [this.#begin()];
    return [...begins, deltaDemand(this.type, { subscribe: [name] })];
  }

  receive(response: Response): () => Outgoing {
    for (const { name } of response.resources) this.#heardOf.add(routeOf(name));
    for (const name of response.removed) this.#heardOf.add(routeOf(name));
    for (const resource of response.resources) {
      const own = isHostAnswer(resource) ? resource.hostName : undefined;
      if (!this.type.names.has(resource.name)) continue;
      this.#answers.set(resource.name, own);
      if (own !== undefined) this.#hosts.set(own, resource);
    }
    for (const name of response.removed) this.#hosts.delete(name);
    return answer("delta", this.type, response, { bad: [], style: "named" });
  }

  /** A route configuration has changed. */
  forgetRoute(route: string): void {
    for (const name of this.#hosts.keys()) {
      if (!name.startsWith(`${route}/`)) continue;
      this.#hosts.delete(name);
      this.type.versions.delete(name);
    }
  }

  /** No route configurations but these are in use. */
  keepRoutes(routes: ReadonlySet<string>, connected: boolean): readonly Outgoing[] {
    for (const route of this.#heardOf) if (!routes.has(route)) this.#heardOf.delete(route);
    const gone = [...this.type.names].filter((name) => !routes.has(routeOf(name)));
    for (const name of gone) {
      this.type.names.delete(name);
      this.#answers.delete(name);
    }
    for (const name of this.#hosts.keys()) if (!routes.has(routeOf(name))) this.forgetRoute(routeOf(name));
    if (gone.length === 0 || !connected || !this.type.askedOnStream) return [];
    return [deltaDemand(this.type, { unsubscribe: gone })];
  }

  /** Envoy's first request names nothing, unless it comes back. */
  #begin(): Outgoing {
    this.type.askedOnStream = true;
    return deltaDemand(this.type, { initialVersions: new Map(this.type.versions) });
  }
}

function routeOf(name: string): string {
  return name.slice(0, name.indexOf("/"));
}
