/**
 * Virtual hosts on demand (VHDS): what a client is given that asks for `<route>/<host of a request>`.
 *
 * Envoy asks for the host of the request that waits, and not for the name of a virtual host. So every name that
 * was asked for leads to the virtual host of its route that has such a domain, by Envoy's own precedence; the
 * response has the virtual host under its own name and what was asked for among its aliases. A host that nobody
 * has is answered with a resource without content: after that Envoy answers 404, and with anything else the
 * request would wait for ever.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Resource, ResourceName, VersionInfo } from "../snapshot/resource.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { brand } from "../support/brand.ts";
import type { NameSet } from "./name-pool.ts";
import type { View } from "./view.ts";

/** What answers a name; `name` is the one that was asked for. */
export interface HostAnswer extends Resource {
  /** The virtual host's own name; undefined when there is none for the asked one. */
  readonly hostName: ResourceName | undefined;
}

/** The virtual hosts of one route, by what a host is compared with. */
interface RouteHosts {
  readonly exact: Map<string, Resource>;
  /** `.example.com` for `*.example.com`, longest first; and the other way round. */
  readonly suffixes: [string, Resource][];
  readonly prefixes: [string, Resource][];
  rest: Resource | undefined;
}

/** `VirtualHost.domains`. */
const DOMAINS_FIELD = 2;

const answers = new WeakMap<View, WeakMap<NameSet, View>>();

/** The view with an answer under each asked name, and under no other; the same for the same names. */
export function answerHosts(view: View, names: NameSet): View {
  const ofView = answers.get(view) ?? new WeakMap<NameSet, View>();
  answers.set(view, ofView);
  let answered = ofView.get(names);
  if (answered === undefined) ofView.set(names, (answered = answerAll(view, names)));
  return answered;
}

/** Whether the resource answers an asked name. */
export function isHostAnswer(held: unknown): held is HostAnswer {
  return typeof held === "object" && held !== null && "hostName" in held;
}

/** The own names of all virtual hosts that are answers in the view. */
export function answeredHosts(view: View): ReadonlySet<ResourceName> {
  let names = hostNames.get(view);
  if (names === undefined) {
    const all = [...view.resources.values()].flatMap((answer) =>
      isHostAnswer(answer) && answer.hostName !== undefined ? [answer.hostName] : [],
    );
    hostNames.set(view, (names = new Set(all)));
  }
  return names;
}

const hostNames = new WeakMap<View, ReadonlySet<ResourceName>>();

function answerAll(view: View, names: NameSet): View {
  const resources = new Map<ResourceName, Resource>();
  for (const name of names) resources.set(name, answerOf(view, name));
  // What the client has under the own names of virtual hosts is left alone as long as they exist.
  return { ...view, resources, untouched: namesOf(view) };
}

const ownNames = new WeakMap<View, ReadonlySet<ResourceName>>();

function namesOf(view: View): ReadonlySet<ResourceName> {
  let names = ownNames.get(view);
  if (names === undefined) ownNames.set(view, (names = new Set(view.resources.keys())));
  return names;
}

function answerOf(view: View, asked: ResourceName): HostAnswer {
  const host = view.resources.get(asked) ?? findHost(view, asked);
  if (host !== undefined) return { ...host, name: asked, hostName: host.name };
  return {
    typeUrl: typeUrls.virtualHost,
    name: asked,
    version: brand<VersionInfo>("none"),
    body: new Uint8Array(),
    references: [],
    at: { file: "(no such host)", line: 1, column: 1 },
    hostCount: 0,
    hostName: undefined,
  };
}

/** By the host as it was asked for, then without its port, which routes may be told to ignore. */
function findHost(view: View, asked: ResourceName): Resource | undefined {
  const [route, host] = splitName(asked);
  const hosts = indexOf(view).get(route);
  if (hosts === undefined) return undefined;
  return matchHost(hosts, host) ?? matchHost(hosts, host.replace(/:\d+$/, ""));
}

/** An exact domain, then the longest `*suffix`, then the longest `prefix*`, then `*`. */
function matchHost({ exact, suffixes, prefixes, rest }: RouteHosts, host: string): Resource | undefined {
  return (
    exact.get(host) ??
    suffixes.find(([suffix]) => host.length > suffix.length && host.endsWith(suffix))?.[1] ??
    prefixes.find(([prefix]) => host.length > prefix.length && host.startsWith(prefix))?.[1] ??
    rest
  );
}

/** A route's name may have slashes in it, a host has none. */
function splitName(name: string): readonly [route: string, host: string] {
  const slash = name.lastIndexOf("/");
  return [name.slice(0, Math.max(slash, 0)), name.slice(slash + 1).toLowerCase()];
}

/** The route configuration of a virtual host, or of a host that is asked for. */
export function routeOf(name: ResourceName): ResourceName {
  return brand<ResourceName>(splitName(name)[0]);
}

const indexes = new WeakMap<View, ReadonlyMap<string, RouteHosts>>();

function indexOf(view: View): ReadonlyMap<string, RouteHosts> {
  let index = indexes.get(view);
  if (index === undefined) indexes.set(view, (index = makeIndex(view)));
  return index;
}

function makeIndex(view: View): ReadonlyMap<string, RouteHosts> {
  const index = new Map<string, RouteHosts>();
  for (const host of view.resources.values()) {
    const [route] = splitName(host.name);
    const hosts: RouteHosts = index.get(route) ?? { exact: new Map(), suffixes: [], prefixes: [], rest: undefined };
    index.set(route, hosts);
    for (const domain of domainsOf(host)) {
      if (domain === "*") hosts.rest = host;
      else if (domain.startsWith("*")) hosts.suffixes.push([domain.slice(1), host]);
      else if (domain.endsWith("*")) hosts.prefixes.push([domain.slice(0, -1), host]);
      else hosts.exact.set(domain, host);
    }
  }
  for (const { suffixes, prefixes } of index.values()) {
    for (const list of [suffixes, prefixes]) list.sort(([a], [b]) => b.length - a.length);
  }
  return index;
}

function domainsOf({ body }: Resource): readonly string[] {
  const reader = new BinaryReader(body);
  const domains: string[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === DOMAINS_FIELD) domains.push(reader.string().toLowerCase());
    else reader.skip(wireType, field);
  }
  return domains;
}
