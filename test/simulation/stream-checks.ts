/**
 * What must hold of every response of one stream, checked when it is sent.
 *
 * The checks know only what went over the wire: requests as the server took them, and responses.
 */
import { isNobody } from "../../src/xds/first-hosts.ts";
import type { Resource, ResourceName } from "../../src/snapshot/resource.ts";
import type { Snapshot, TypeTable } from "../../src/snapshot/snapshot.ts";
import { resourceType, typeUrls } from "../../src/snapshot/type-url.ts";
import { present } from "../../src/support/assert.ts";
import type { Demand, Response, Variant } from "../../src/xds/stream-state.ts";
import { contentOf } from "../support/build-snapshot.ts";
import { describeResponse } from "./describe.ts";

/** What one stream has said about one type, as the server knows it. */
interface WireType {
  /** Sent and not answered. */
  outstanding: Response | undefined;
  /** Of a SotW client that dropped all names of the outstanding response, which it may never answer (envoy#3355). */
  mayBeAbandoned: boolean;
  /** Something was named, so that naming nothing is no wildcard any more. */
  hasNamed: boolean;
  readonly names: Set<string>;
  wildcard: boolean;
  /** Accepted on this stream, or named as held when it began. */
  readonly accepted: Map<string, string>;
  acceptedVersion: string;
  /** May be sent although nothing changed: asked for, or in a rejected response. */
  readonly demanded: Set<string>;
  demandsAll: boolean;
}

/** Which response was answered, and whether it was rejected. */
export interface Answered {
  readonly response: Response;
  readonly error: string | undefined;
}

export class StreamChecks {
  readonly #variant: Variant;
  readonly #types = new Map<string, WireType>();
  readonly #nonces = new Set<string>();

  constructor(variant: Variant) {
    this.#variant = variant;
  }

  /** Whether the type was asked for on this stream. */
  knows(typeUrl: string): boolean {
    return this.#types.has(typeUrl);
  }

  /**
   * Books a request before the machine sees it; returns the response that it answers. `unsure`: the client has
   * rejected something before, so what it names as held is sent again.
   */
  take(demand: Demand, unsure: boolean): Answered | undefined {
    const first = !this.#types.has(demand.typeUrl);
    const type = this.#typeOf(demand.typeUrl);
    if (demand.variant === "sotw") takeSotw(type, demand, first);
    else takeDelta(type, demand, first);
    if (first && unsure) for (const name of type.accepted.keys()) type.demanded.add(name);
    const response = type.outstanding;
    if (response === undefined || demand.nonce !== response.nonce) return undefined;
    type.outstanding = undefined;
    if (demand.error === undefined) this.#accept(type, response);
    else this.#reject(type, response);
    return { response, error: demand.error };
  }

  /** What is wrong with a response; `snapshots` were offered before and after the step that made it. */
  check(response: Response, snapshots: readonly (Snapshot | undefined)[]): readonly string[] {
    const type = this.#typeOf(response.typeUrl);
    const found: string[] = [];
    const { outstanding } = type;
    if (outstanding !== undefined && !type.mayBeAbandoned) {
      found.push(`at most one response of a type in flight: ${describeResponse(outstanding)} is unanswered`);
    }
    type.outstanding = response;
    type.mayBeAbandoned = false;
    if (response.nonce === "" || this.#nonces.has(response.nonce)) {
      found.push("nonces never repeat in a stream: it is empty or was used before");
    }
    this.#nonces.add(response.nonce);
    // A step may finish one snapshot and begin the next.
    const tables = snapshots.flatMap((snapshot) => snapshot?.tables.get(response.typeUrl) ?? []);
    if (tables.length === 0) found.push("no early answer: there is no snapshot yet");
    this.#checkContent(type, response, { tables, snapshots }, found);
    this.#checkChurn(type, response, found);
    return found;
  }

  #checkContent(
    type: WireType,
    response: Response,
    offered: { readonly tables: readonly TypeTable[]; readonly snapshots: readonly (Snapshot | undefined)[] },
    found: string[],
  ): void {
    const { tables, snapshots } = offered;
    const { typeUrl, resources, removed } = response;
    const names = new Set<string>(removed);
    for (const { name } of resources) names.add(name);
    if (names.size !== resources.length + removed.length) found.push("a name is in a response once");
    const row = present(resourceType(typeUrl), "only known types are sent");
    const full = row.fullStateInSotw && this.#variant === "sotw";
    if (full && type.wildcard && resources.length === 0 && tables.every((table) => table.resources.size > 0)) {
      found.push("no empty answer: the full state is not empty");
    }
    // Listeners and virtual hosts may pass through a snapshot in between.
    for (const name of typeUrl === typeUrls.listener || row.onDemand ? [] : removed) {
      if (tables.every((table) => table.resources.has(name)))
        found.push(`what the snapshot has is not removed: ${name}`);
    }
    const routes = this.#types.get(typeUrls.route)?.names;
    for (const name of row.onDemand ? removed : []) {
      const route = name.slice(0, name.indexOf("/"));
      const exists = snapshots.some((each) => each?.tables.get(typeUrls.route)?.resources.has(route as ResourceName));
      if (!exists && !isNobody(name) && routes?.has(route) === true)
        found.push(`a virtual host goes with its route: ${name} was removed`);
    }
    if (!row.fullStateInSotw && names.size === 0) found.push("a response says something: this one is empty");
    for (const { name } of resources) {
      if (!type.wildcard && !type.names.has(name)) found.push(`only what is asked for is sent: ${name} was not`);
    }
  }

  /** Nothing is sent unless it differs or is demanded: an unaffected node of a push is not sent anything. */
  #checkChurn(type: WireType, response: Response, found: string[]): void {
    const { typeUrl, resources, removed, versionInfo } = response;
    const full = resourceType(typeUrl)?.fullStateInSotw === true && this.#variant === "sotw";
    if (full && versionInfo === type.acceptedVersion && !type.demandsAll) {
      found.push("no churn: this full state was accepted before, and not asked for");
    }
    for (const resource of resources) {
      const { name, version } = resource;
      const changed = type.accepted.get(name) !== version;
      if (!full && !changed && !type.demanded.has(name)) found.push(`no churn: ${name} is what was accepted before`);
      if (typeUrl === typeUrls.cluster && (changed || type.demanded.has(name))) this.#demandChildren(resource);
      if (typeUrl === typeUrls.route && changed) this.#demandHosts(name);
    }
    for (const name of [...resources.map((resource) => resource.name), ...removed]) type.demanded.delete(name);
    type.demandsAll = false;
  }

  /** The endpoints of a cluster that is new to the client are sent again: it waits for them. */
  #demandChildren(cluster: Resource): void {
    for (const { typeUrl, name } of cluster.references) {
      if (typeUrl === typeUrls.endpoints) this.#typeOf(typeUrl).demanded.add(name);
    }
  }

  /** A route configuration that changed has none of the virtual hosts any more that it was given on demand. */
  #demandHosts(route: string): void {
    const type = this.#types.get(typeUrls.virtualHost);
    for (const name of type?.names ?? []) if (name.startsWith(`${route}/`)) type?.demanded.add(name);
  }

  #accept(type: WireType, response: Response): void {
    const full = resourceType(response.typeUrl)?.fullStateInSotw === true && this.#variant === "sotw";
    if (full) type.accepted.clear();
    type.acceptedVersion = response.versionInfo;
    for (const { name, version } of response.resources) {
      if (type.wildcard || type.names.has(name)) type.accepted.set(name, version);
    }
    for (const name of response.removed) type.accepted.delete(name);
    if (response.typeUrl === typeUrls.virtualHost) this.#loseHosts(type, response.removed);
  }

  /** A virtual host that is removed is asked for by other names than its own. */
  #loseHosts(type: WireType, removed: readonly string[]): void {
    const routes = removed.map((name) => name.slice(0, name.indexOf("/") + 1));
    for (const name of type.accepted.keys())
      if (routes.some((route) => name.startsWith(route))) type.accepted.delete(name);
  }

  /** Nobody knows what of it arrived, so what is not to blame is sent once more. */
  #reject(type: WireType, response: Response): void {
    type.demandsAll = true;
    for (const { name } of response.resources) type.demanded.add(name);
    for (const name of response.removed) type.demanded.add(name);
  }

  #typeOf(typeUrl: string): WireType {
    let type = this.#types.get(typeUrl);
    if (type === undefined) {
      type = {
        outstanding: undefined,
        mayBeAbandoned: false,
        hasNamed: false,
        names: new Set(),
        wildcard: false,
        accepted: new Map(),
        acceptedVersion: "",
        demanded: new Set(),
        demandsAll: false,
      };
      this.#types.set(typeUrl, type);
    }
    return type;
  }
}

function takeSotw(type: WireType, demand: Demand & { readonly variant: "sotw" }, first: boolean): void {
  const { names, nonce, error, typeUrl } = demand;
  const row = resourceType(typeUrl);
  const before = type.names.size;
  const added = names.filter((name) => name !== "*" && !type.names.has(name));
  if (names.length > 0) type.hasNamed = true;
  const wildcard = row?.wildcardAllowed === true && (names.includes("*") || (names.length === 0 && !type.hasNamed));
  const repeats =
    added.length === 0 && names.length === before && nonce !== type.outstanding?.nonce && error === undefined;
  const dropped = [...type.names].filter((name) => !names.includes(name));
  for (const name of dropped) {
    type.names.delete(name);
    type.accepted.delete(name);
  }
  for (const name of added) {
    type.names.add(name);
    type.demanded.add(name);
  }
  if (repeats) for (const name of type.names) type.demanded.add(name);
  if (first || added.length + dropped.length > 0 || wildcard !== type.wildcard) type.demandsAll = true;
  type.wildcard = wildcard;
  if (!wildcard) for (const name of type.accepted.keys()) if (!type.names.has(name)) type.accepted.delete(name);
  const { outstanding } = type;
  if (outstanding === undefined || row?.wildcardAllowed === true || nonce === outstanding.nonce) return;
  const wanted = outstanding.resources.some(({ name }) => type.names.has(name) && !added.includes(name));
  type.mayBeAbandoned ||= !wanted;
}

function takeDelta(type: WireType, demand: Demand & { readonly variant: "delta" }, first: boolean): void {
  const wildcardAllowed = resourceType(demand.typeUrl)?.wildcardAllowed === true;
  if (first && wildcardAllowed && demand.subscribe.length === 0) type.wildcard = true;
  for (const [name, version] of demand.initialVersions) type.accepted.set(name, version);
  for (const name of demand.subscribe) {
    if (name === "*" && wildcardAllowed) {
      type.wildcard = true;
      type.demandsAll = true;
    } else {
      type.names.add(name);
      type.demanded.add(name);
    }
  }
  for (const name of demand.unsubscribe) {
    if (name === "*" && wildcardAllowed) type.wildcard = false;
    else {
      type.names.delete(name);
      if (!type.wildcard) type.accepted.delete(name);
      type.demanded.add(name);
    }
  }
  if (!type.wildcard) for (const name of type.accepted.keys()) if (!type.names.has(name)) type.accepted.delete(name);
}

/** Whether a node refuses it. */
export function isBad(resource: Resource | undefined): boolean {
  return resource !== undefined && contentOf(resource).bad;
}
