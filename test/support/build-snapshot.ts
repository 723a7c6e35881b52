/**
 * Snapshots from a short notation, for tests that care about order and names and not about Envoy's fields.
 *
 * The body of a resource is the JSON of what the notation says of it, so that equal notation gives equal
 * versions. `contentOf` gives that back to whoever plays the client.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Reference, Resource, ResourceName, VersionInfo } from "../../src/snapshot/resource.ts";
import type { GroupName, Snapshot, TypeTable, UpdatePolicy } from "../../src/snapshot/snapshot.ts";
import { createSnapshot, createTable } from "../../src/snapshot/snapshot.ts";
import { resourceTypes, typeUrls } from "../../src/snapshot/type-url.ts";
import { brand } from "../../src/support/brand.ts";
import { contentHash } from "../../src/support/hash.ts";

/** A cluster; an array is short for its hosts. */
export interface ClusterNotation {
  /** The hosts of its load assignment; absent: the cluster does not ask for endpoints. */
  readonly hosts?: readonly string[];
  /** Stands for every other field. */
  readonly tune?: number;
  /** Envoy rejects the cluster. */
  readonly bad?: boolean;
  /** Envoy rejects its endpoints. */
  readonly badHosts?: boolean;
  /** Names of secrets. */
  readonly secrets?: readonly string[];
}

/** A route configuration; an array is short for the clusters it leads to. */
export interface RouteNotation {
  readonly clusters: readonly string[];
  readonly tune?: number;
  readonly bad?: boolean;
}

/** A listener; a string is short for the route configuration it names. */
export interface ListenerNotation {
  readonly route: string;
  readonly tune?: number;
  readonly bad?: boolean;
}

/** A secret. */
export interface SecretNotation {
  readonly tune?: number;
  readonly bad?: boolean;
}

/** Everything of one snapshot. */
export interface SnapshotNotation {
  readonly group?: string;
  readonly clusters?: Readonly<Record<string, readonly string[] | ClusterNotation>>;
  readonly routes?: Readonly<Record<string, readonly string[] | RouteNotation>>;
  readonly listeners?: Readonly<Record<string, string | ListenerNotation>>;
  /** An array is short for secrets that say nothing. */
  readonly secrets?: readonly string[] | Readonly<Record<string, SecretNotation>>;
  readonly updates?: Partial<UpdatePolicy>;
  /** Every resource is so long, whatever it says. */
  readonly bodyBytes?: number;
  /**
   * What a route leads to are virtual hosts that are asked for on demand (VHDS): one for each cluster, in their order,
   * with the domains `0.test` and `*.0.test` and so on.
   */
  readonly hostsOnDemand?: boolean;
}

/** What a client reads in a resource. */
export interface ResourceContent {
  readonly bad: boolean;
  /** Of a cluster: its load assignment. Of a listener: its route configuration. */
  readonly child: string | undefined;
  /** Of a route configuration or virtual host: the clusters it leads to. */
  readonly clusters: readonly string[];
  /** Of a route configuration: its virtual hosts are asked for one by one. */
  readonly hostsOnDemand: boolean;
  /** Of a cluster: the secrets it waits for. */
  readonly secrets: readonly string[];
  readonly hostCount: number;
}

/** The resources made so far, by content, as the real encoder remembers them. */
export type ResourceCache = Map<string, Resource>;

const contents = new WeakMap<Resource | Uint8Array, ResourceContent>();

/** Builds a snapshot; with a cache, equal content gives the same objects. */
export function buildSnapshot(notation: SnapshotNotation, cache: ResourceCache = new Map()): Snapshot {
  const make = (typeUrl: string, name: string, described: Described) =>
    makeResource({ typeUrl, name, bodyBytes: notation.bodyBytes }, described, cache);
  const clusters: Resource[] = [];
  const endpoints: Resource[] = [];
  for (const [name, given] of Object.entries(notation.clusters ?? {})) {
    const cluster: ClusterNotation = isList(given) ? { hosts: given } : given;
    clusters.push(make(typeUrls.cluster, name, describeCluster(name, cluster)));
    if (cluster.hosts !== undefined) endpoints.push(make(typeUrls.endpoints, name, describeEndpoints(cluster)));
  }
  const { hostsOnDemand = false } = notation;
  const hosts: Resource[] = [];
  const routes = Object.entries(notation.routes ?? {}).map(([name, given]) => {
    const route: RouteNotation = isList(given) ? { clusters: given } : given;
    if (!hostsOnDemand) return make(typeUrls.route, name, describeRoute(route));
    for (const [index, cluster] of route.clusters.entries()) {
      hosts.push(make(typeUrls.virtualHost, `${name}/host-${index}`, describeHost(index, cluster)));
    }
    return make(typeUrls.route, name, describeRoute({ ...route, clusters: [] }, hostsOnDemand));
  });
  const listeners = Object.entries(notation.listeners ?? {}).map(([name, given]) =>
    make(typeUrls.listener, name, describeListener(typeof given === "string" ? { route: given } : given)),
  );
  const given = notation.secrets ?? [];
  const secretNotations = isList(given) ? Object.fromEntries(given.map((name) => [name, {}])) : given;
  const secrets = Object.entries(secretNotations).map(([name, secret]) =>
    make(typeUrls.secret, name, describeSecret(secret)),
  );
  const byType = new Map<string, readonly Resource[]>([
    [typeUrls.secret, secrets],
    [typeUrls.cluster, clusters],
    [typeUrls.endpoints, endpoints],
    [typeUrls.listener, listeners],
    [typeUrls.route, routes],
    [typeUrls.virtualHost, hosts],
  ]);
  const tables = resourceTypes.map(({ typeUrl }) => makeTable(typeUrl, byType.get(typeUrl) ?? [], cache));
  return createSnapshot(
    brand<GroupName>(notation.group ?? "default"),
    new Map(tables.map((table) => [table.typeUrl, table])),
    {
      updates: { graceMs: 30_000, deadlineMs: 15_000, onDeadline: "hold", drainMs: 600_000, ...notation.updates },
      cause: { text: "test", atMs: 0 },
    },
  );
}

/** What a client reads in it; a load assignment that the control plane made up itself has no hosts. */
export function contentOf(resource: Resource): ResourceContent {
  // An answer on demand is a copy under another name, with the same body.
  return contents.get(resource) ?? contents.get(resource.body) ?? nothing;
}

const nothing: ResourceContent = {
  bad: false,
  child: undefined,
  clusters: [],
  hostsOnDemand: false,
  secrets: [],
  hostCount: 0,
};

interface Described {
  readonly json: unknown;
  readonly references: readonly Reference[];
  readonly content?: Partial<ResourceContent>;
  /** Where the control plane reads it. */
  readonly body?: Uint8Array;
}

function describeCluster(name: string, cluster: ClusterNotation): Described {
  const { hosts, tune = 0, bad = false, secrets = [] } = cluster;
  const asksForEndpoints = hosts !== undefined;
  return {
    json: { tune, bad, asksForEndpoints, secrets },
    references: [
      ...(asksForEndpoints ? [{ typeUrl: typeUrls.endpoints, name }] : []),
      ...secrets.map((secret) => ({ typeUrl: typeUrls.secret, name: secret })),
    ],
    content: { bad, child: asksForEndpoints ? name : undefined, secrets },
  };
}

function describeEndpoints({ hosts = [], badHosts = false }: ClusterNotation): Described {
  return { json: { hosts, badHosts }, references: [], content: { bad: badHosts, hostCount: hosts.length } };
}

function describeSecret({ tune, bad = false }: SecretNotation): Described {
  return { json: { tune, bad }, references: [], content: { bad } };
}

function describeRoute({ clusters, tune = 0, bad = false }: RouteNotation, hostsOnDemand = false): Described {
  return {
    json: { clusters, tune, bad, ...(hostsOnDemand ? { hostsOnDemand } : {}) },
    references: clusters.map((name) => ({ typeUrl: typeUrls.cluster, name })),
    content: { bad, clusters, hostsOnDemand },
    // `RouteConfiguration.vhds`.
    ...(hostsOnDemand
      ? { body: new BinaryWriter().tag(9, WireType.LengthDelimited).bytes(new Uint8Array()).finish() }
      : {}),
  };
}

function describeHost(index: number, cluster: string): Described {
  const writer = new BinaryWriter();
  // `VirtualHost.domains`.
  for (const domain of [`${index}.test`, `*.${index}.test`]) writer.tag(2, WireType.LengthDelimited).string(domain);
  return {
    json: { index, cluster },
    references: [{ typeUrl: typeUrls.cluster, name: cluster }],
    content: { clusters: [cluster] },
    body: writer.finish(),
  };
}

function describeListener({ route, tune = 0, bad = false }: ListenerNotation): Described {
  return {
    json: { route, tune, bad },
    references: [{ typeUrl: typeUrls.route, name: route }],
    content: { bad, child: route },
  };
}

/** The tables made last with a cache: as in a real build, what did not change is the same object. */
const lastTables = new WeakMap<ResourceCache, Map<string, TypeTable>>();

function makeTable(typeUrl: string, resources: readonly Resource[], cache: ResourceCache): TypeTable {
  let tables = lastTables.get(cache);
  if (tables === undefined) lastTables.set(cache, (tables = new Map()));
  const last = tables.get(typeUrl);
  const same =
    last?.resources.size === resources.length &&
    resources.every((resource) => last.resources.get(resource.name) === resource);
  if (last !== undefined && same) return last;
  const table = createTable(typeUrl, resources);
  tables.set(typeUrl, table);
  return table;
}

function makeResource(
  identity: { readonly typeUrl: string; readonly name: string; readonly bodyBytes: number | undefined },
  described: Described,
  cache: ResourceCache,
): Resource {
  const { typeUrl, name, bodyBytes } = identity;
  const text = JSON.stringify({ name, ...(described.json as object) });
  const key = `${typeUrl} ${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const spelled = Buffer.from(text);
  const resource: Resource = {
    typeUrl,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>(contentHash([typeUrl, spelled])),
    body: described.body ?? (bodyBytes === undefined ? spelled : paddingOf(bodyBytes)),
    references: described.references,
    at: { file: `${name}.yaml`, line: 1, column: 1 },
    hostCount: described.content?.hostCount ?? 0,
  };
  const content = { ...nothing, ...described.content };
  contents.set(resource, content);
  if (described.body !== undefined) contents.set(described.body, content);
  cache.set(key, resource);
  return resource;
}

const paddings = new Map<number, Uint8Array>();

function paddingOf(bytes: number): Uint8Array {
  let padding = paddings.get(bytes);
  if (padding === undefined) paddings.set(bytes, (padding = new Uint8Array(bytes)));
  return padding;
}

function isList(given: unknown): given is readonly string[] {
  return Array.isArray(given);
}
