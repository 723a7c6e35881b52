/**
 * What must hold of a node when nothing moves any more: it has the snapshot, or the last of it that it accepts.
 */
import type { Resource, ResourceName } from "../../src/snapshot/resource.ts";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import { resourceType, typeUrls } from "../../src/snapshot/type-url.ts";
import { contentOf } from "../support/build-snapshot.ts";
import { wants } from "../support/client-type.ts";
import { ModelEnvoy } from "../support/model-envoy.ts";
import type { ModelSubscriber } from "../support/model-subscriber.ts";
import { clusterNames } from "./config-changes.ts";
import type { SimNode } from "./sim-node.ts";
import { isBad } from "./stream-checks.ts";

/** What is wrong with a node at rest; `good`: it can accept all of its snapshot. */
export function checkAtRest(node: SimNode, snapshot: Snapshot, good: boolean): readonly string[] {
  const { client } = node;
  const found =
    client instanceof ModelEnvoy
      ? checkEnvoy(node, client, { snapshot, good })
      : good
        ? checkSubscriber(node, client, snapshot)
        : [];
  return found.map((text) => `at rest ${node.traits.id}: converges to the snapshot or the last accepted: ${text}`);
}

/** What a node holds in one text, to compare it with others. */
export function holdingsOf({ client }: SimNode): string {
  if (client instanceof ModelEnvoy)
    return [...client.holds()]
      .map((entry) => entry.join("="))
      .sort()
      .join(" ");
  const held = client.types.flatMap((type) =>
    [...client.known(type).held.values()]
      .filter(({ name }) => wants(type, name))
      .map(({ typeUrl, name, version }) => `${typeUrl} ${name}=${version}`),
  );
  return held.sort().join(" ");
}

function checkEnvoy(
  node: SimNode,
  envoy: ModelEnvoy,
  { snapshot, good }: { readonly snapshot: Snapshot; readonly good: boolean },
): readonly string[] {
  const found: string[] = [];
  const { reconnected, nameless, foreign } = node.excuses;
  const sotw = node.traits.variant === "sotw";
  const unknown = reconnected && sotw;
  // A SotW client that comes back does not say what it took of a response that it rejected without a name.
  if (unknown && nameless) return [];
  const held = envoy.holds();
  const expected = expectedOf(snapshot);
  const isExcused = (key: string) => isOrphaned(node, key);
  for (const [key, { version, bad }] of expected) {
    if (bad || held.get(key) === version || isExcused(key)) continue;
    const supply = key.startsWith("c:") || key.startsWith("e:") || key.startsWith("s:");
    // Endpoints are emptied only once no route leads to them, and a bad route keeps the old one in use.
    const excused =
      !good &&
      (unknown ||
        foreign ||
        version === "0" ||
        (nameless && sotw) ||
        !supply ||
        expected.get(`e:${key.slice(2)}`)?.bad === true);
    if (!excused) found.push(`${key} is ${held.get(key) ?? "absent"} instead of ${version}`);
  }
  if (!good) return found;
  found.push(...checkHosts(envoy, snapshot));
  if (envoy.askedHosts?.type.askedOnStream === true) {
    for (const key of held.keys()) {
      const waits = key.startsWith("r:") && !envoy.askedHosts.hasHeardOf(key.slice(2));
      if (waits) found.push(`${key} waits for a word on its virtual hosts`);
    }
  }
  for (const key of held.keys()) if (!expected.has(key) && !isExcused(key)) found.push(`${key} is still there`);
  if (!sotw) return found;
  for (const { typeUrl, versionInfo, wildcard } of envoy.types) {
    const version = snapshot.tables.get(typeUrl)?.version;
    if (wildcard !== "none" && versionInfo !== version) found.push(`the version of ${typeUrl} is not ${version}`);
  }
  return found;
}

/** Every virtual host that was asked for is there, if it exists, and no other; that there is none was said. */
function checkHosts({ askedHosts }: ModelEnvoy, snapshot: Snapshot): readonly string[] {
  if (askedHosts === undefined) return [];
  const found: string[] = [];
  const table = snapshot.tables.get(typeUrls.virtualHost)?.resources;
  for (const asked of askedHosts.type.names) {
    // Of `r1/a.0.test` that is `r1/host-0`.
    const own = asked.replace(/\/(?:.*\.)?(\w+)\.test$/, "/host-$1");
    const wanted = table?.get(own as ResourceName)?.version;
    const isRight = wanted === undefined ? askedHosts.isAnswered(asked) : askedHosts.held.get(own)?.version === wanted;
    if (!isRight) found.push(`${asked} is not answered by ${wanted ?? "nothing"}`);
  }
  for (const own of askedHosts.held.keys()) {
    if (table?.has(own as ResourceName) !== true) found.push(`virtual host ${own} is still there`);
  }
  return found;
}

function checkSubscriber(node: SimNode, client: ModelSubscriber, snapshot: Snapshot): readonly string[] {
  const found: string[] = [];
  const keepsSupply = mayLeadAnywhere(client, snapshot);
  for (const type of client.types) {
    const { typeUrl } = type;
    if (keepsSupply && resourceType(typeUrl)?.role === "supply") continue;
    const row = resourceType(typeUrl);
    const table = snapshot.tables.get(typeUrl)?.resources ?? new Map<ResourceName, Resource>();
    const { held, absent } = client.known(type);
    const say = (name: string, text: string) => {
      if (!node.isOrphan(typeUrl, name)) found.push(`${row?.shortName} ${name} ${text}`);
    };
    for (const [name, { version }] of table) {
      if (wants(type, name) && held.get(name)?.version !== version)
        say(name, `is ${held.get(name)?.version ?? "absent"} instead of ${version}`);
    }
    for (const name of held.keys()) {
      // What has no parent that could go is not left behind.
      if (!table.has(name as ResourceName) && wants(type, name) && row?.wildcardAllowed === true)
        say(name, "is still there");
    }
    for (const name of type.names) {
      if (node.traits.variant === "delta" && !table.has(name as ResourceName) && !held.has(name) && !absent.has(name))
        say(name, "was asked for and not answered");
    }
  }
  return found;
}

/**
 * Whether it goes on naming a route that is gone, and which nobody says is gone; or takes listeners and never asks for
 * their routes. No Envoy does; for all the server knows there is a route that leads to whatever it has.
 */
function mayLeadAnywhere(client: ModelSubscriber, snapshot: Snapshot): boolean {
  const routes = client.types.find(({ typeUrl }) => typeUrl === typeUrls.route);
  const table = snapshot.tables.get(typeUrls.route)?.resources;
  if ([...(routes?.names ?? [])].some((name) => table?.has(name as ResourceName) !== true)) return true;
  const listeners = client.types.find(({ typeUrl }) => typeUrl === typeUrls.listener);
  if (listeners === undefined) return false;
  return [...client.known(listeners).held.values()].some(
    (listener) => routes?.names.has(contentOf(listener).child ?? "") !== true,
  );
}

/** A listener that is not known to be there, or to be gone, has routes of its own, and a cluster its secrets. */
function isOrphaned(node: SimNode, key: string): boolean {
  if (!node.hasOrphans) return false;
  const name = key.slice(2).split(" ")[0] ?? "";
  if (key.startsWith("c:")) return node.isOrphan(typeUrls.cluster, name);
  if (key.startsWith("e:")) return node.isOrphan(typeUrls.cluster, name) || node.isOrphan(typeUrls.endpoints, name);
  if (key.startsWith("s:")) {
    return node.isOrphan(typeUrls.secret, name) || clusterNames.some((each) => node.isOrphan(typeUrls.cluster, each));
  }
  if (key.startsWith("l:")) return node.isOrphan(typeUrls.listener, name);
  return (
    node.isOrphan(typeUrls.route, name) || ["l1", "l2"].some((listener) => node.isOrphan(typeUrls.listener, listener))
  );
}

interface Expected {
  readonly version: string;
  readonly bad: boolean;
}

const known = new WeakMap<Snapshot, ReadonlyMap<string, Expected>>();

/** What a node is to hold of a snapshot, in the words of `ModelEnvoy.holds`. */
function expectedOf(snapshot: Snapshot): ReadonlyMap<string, Expected> {
  const before = known.get(snapshot);
  if (before !== undefined) return before;
  const expected = new Map<string, Expected>();
  const of = (typeUrl: string) => snapshot.tables.get(typeUrl)?.resources.values() ?? [];
  for (const resource of of(typeUrls.secret)) {
    expected.set(`s:${resource.name}`, { version: resource.version, bad: isBad(resource) });
  }
  for (const resource of of(typeUrls.cluster)) {
    expected.set(`c:${resource.name}`, { version: resource.version, bad: isBad(resource) });
    // Who refuses the cluster that names a secret never asks for it.
    if (isBad(resource)) for (const name of contentOf(resource).secrets) expected.delete(`s:${name}`);
  }
  for (const resource of of(typeUrls.endpoints)) {
    const { bad, hostCount } = contentOf(resource);
    const cluster = expected.get(`c:${resource.name}`);
    expected.set(`e:${resource.name}`, { version: String(hostCount), bad: bad || cluster?.bad === true });
  }
  const routes = new Set<string | undefined>();
  for (const resource of of(typeUrls.listener)) {
    expected.set(`l:${resource.name}`, { version: resource.version, bad: isBad(resource) });
    routes.add(contentOf(resource).child);
  }
  for (const resource of of(typeUrls.route)) {
    if (routes.has(resource.name)) {
      expected.set(`r:${resource.name}`, { version: resource.version, bad: isBad(resource) });
    }
  }
  known.set(snapshot, expected);
  return expected;
}
