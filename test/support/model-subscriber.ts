/**
 * A client that is no Envoy: it names what it likes, changes its mind at any time, and serves no traffic.
 *
 * It uses what the protocol allows and Envoy rarely does: names beside a wildcard (as for on-demand clusters), names
 * that do not exist, the same name asked for again, everything unsubscribed, and in SotW a response of which it
 * wants nothing any more and which it never answers (envoy#3355).
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import { resourceType, typeUrls } from "../../src/snapshot/type-url.ts";
import type { Response, Variant } from "../../src/xds/stream-state.ts";
import { contentOf } from "./build-snapshot.ts";
import type { ClientType, Outgoing, RejectionStyle } from "./client-type.ts";
import { answer, createClientType, deltaDemand, firstRequest, sotwDemand, wants } from "./client-type.ts";
import type { Random } from "./random.ts";

/** What a subscriber may name; some of it never exists. */
const vocabulary: Readonly<Record<string, readonly string[]>> = {
  [typeUrls.secret]: ["s1", "s2", "nothing"],
  [typeUrls.cluster]: ["a", "b", "c", "d", "nothing"],
  [typeUrls.endpoints]: ["a", "b", "c", "d", "nothing"],
  [typeUrls.runtime]: ["nothing"],
  [typeUrls.listener]: ["l1", "l2", "nothing"],
  [typeUrls.route]: ["r1", "r2", "r3", "nothing"],
};

/** What a subscriber is made of. */
export interface SubscriberOptions {
  readonly variant: Variant;
  /** Types that it ever asks for. */
  readonly typeUrls: readonly string[];
  rejectionStyle(): RejectionStyle;
}

export class ModelSubscriber {
  readonly types: readonly ClientType[];
  readonly #options: SubscriberOptions;
  /** By type and name. */
  readonly #held = new Map<ClientType, Map<string, Resource>>();
  /** Delta: names of which it was said that they do not exist. */
  readonly #absent = new Map<ClientType, Set<string>>();
  #connected = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.types = options.typeUrls.map((typeUrl) => createClientType(typeUrl, "none"));
    for (const type of this.types) {
      this.#held.set(type, new Map());
      this.#absent.set(type, new Set());
    }
  }

  /** Opens a stream; returns the first requests. */
  connect(): readonly Outgoing[] {
    this.#connected = true;
    const asked: Outgoing[] = [];
    for (const type of this.types) {
      type.askedOnStream = false;
      type.nonce = "";
      this.#absent.get(type)?.clear();
      if (type.wildcard !== "none" || type.names.size > 0) asked.push(firstRequest(this.#options.variant, type));
    }
    return asked;
  }

  disconnect(): void {
    this.#connected = false;
  }

  /** Takes a response and returns what is sent. */
  receive(response: Response): readonly Outgoing[] {
    const type = this.types.find(({ typeUrl }) => typeUrl === response.typeUrl);
    if (type === undefined) throw new Error(`never asked for ${response.typeUrl}`);
    const wanted = response.resources.filter(({ name }) => wants(type, name));
    const full = resourceType(type.typeUrl)?.fullStateInSotw === true;
    // Nobody is interested in any of it any more, so nobody answers.
    if (this.#options.variant === "sotw" && !full && wanted.length === 0 && response.resources.length > 0) return [];
    const bad = wanted.filter((resource) => contentOf(resource).bad).map(({ name }) => name);
    const style = bad.length === 0 ? "named" : this.#options.rejectionStyle();
    if (style !== "unread") this.#take(type, response, wanted);
    return [answer(this.#options.variant, type, response, { bad, style })()];
  }

  /** Wants something else, for one type or another. */
  act(random: Random): readonly Outgoing[] {
    const type = random.pick(this.types);
    const name = random.pick(vocabulary[type.typeUrl] ?? []);
    const mayWildcard = resourceType(type.typeUrl)?.wildcardAllowed === true;
    const change = random.weighted({ toggle: 6, again: 2, wildcard: mayWildcard ? 2 : 0, clear: 1 });
    const before = { names: new Set(type.names), wildcard: type.wildcard };
    if (change === "toggle") toggle(type.names, name);
    else if (change === "wildcard") type.wildcard = type.wildcard === "none" ? "explicit" : "none";
    else if (change === "clear") {
      type.names.clear();
      type.wildcard = "none";
    }
    // Who wants nothing any more begins anew; and who wants everything again has not all that its version had.
    const startsWildcard = before.wildcard === "none" && type.wildcard !== "none";
    if (startsWildcard || (type.wildcard === "none" && type.names.size === 0)) type.versionInfo = "";
    if (!this.#connected) return [];
    this.#forgetUnwanted(type, before.names);
    if (!type.askedOnStream) {
      return type.wildcard === "none" && type.names.size === 0 ? [] : [firstRequest(this.#options.variant, type)];
    }
    if (this.#options.variant === "sotw") return [sotwDemand(type, undefined)];
    const subscribe = [...type.names].filter(
      (each) => !before.names.has(each) || (change === "again" && each === name),
    );
    const unsubscribe = [...before.names].filter((each) => !type.names.has(each));
    for (const each of subscribe) {
      this.#absent.get(type)?.delete(each);
      // Who asks again for what it has, has lost it.
      if (before.names.has(each)) this.#held.get(type)?.delete(each);
      if (before.names.has(each)) type.versions.delete(each);
    }
    if (type.wildcard !== before.wildcard) (type.wildcard === "none" ? unsubscribe : subscribe).push("*");
    return subscribe.length + unsubscribe.length === 0 ? [] : [deltaDemand(type, { subscribe, unsubscribe })];
  }

  /** What it has, and what it was told does not exist. */
  known(type: ClientType): { readonly held: ReadonlyMap<string, Resource>; readonly absent: ReadonlySet<string> } {
    return { held: this.#held.get(type) ?? new Map(), absent: this.#absent.get(type) ?? new Set() };
  }

  #take(type: ClientType, response: Response, wanted: readonly Resource[]): void {
    const { held, absent } = this.known(type) as { held: Map<string, Resource>; absent: Set<string> };
    if (this.#options.variant === "sotw" && resourceType(type.typeUrl)?.fullStateInSotw === true) {
      const sent = new Set<string>(response.resources.map(({ name }) => name));
      for (const name of held.keys()) if (!sent.has(name)) held.delete(name);
    }
    for (const resource of wanted) {
      if (contentOf(resource).bad) continue;
      held.set(resource.name, resource);
      absent.delete(resource.name);
    }
    for (const name of response.removed) {
      held.delete(name);
      if (type.names.has(name)) absent.add(name);
    }
  }

  /** What was named and is not wanted any more is forgotten; under a wildcard the server says what becomes of it. */
  #forgetUnwanted(type: ClientType, before: ReadonlySet<string>): void {
    const { held, absent } = this.known(type) as { held: Map<string, Resource>; absent: Set<string> };
    for (const name of before) if (!type.names.has(name)) absent.delete(name);
    for (const name of held.keys()) {
      if (wants(type, name)) continue;
      held.delete(name);
      type.versions.delete(name);
      type.unsettled.delete(name);
    }
  }
}

function toggle(names: Set<string>, name: string): void {
  if (!names.delete(name)) names.add(name);
}
