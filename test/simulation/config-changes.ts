/**
 * Random configs, each made from the one before by a change that a person could make.
 *
 * Every config is good by itself: routes lead to clusters that it has, with hosts. A resource may be bad,
 * which only Envoy finds out.
 */
import type { ClusterNotation, ListenerNotation, RouteNotation, SecretNotation } from "../support/build-snapshot.ts";
import type { Random } from "../support/random.ts";

/** The notation of a snapshot with everything written out. */
export interface SimConfig {
  readonly clusters: Readonly<Record<string, ClusterNotation>>;
  readonly routes: Readonly<Record<string, RouteNotation>>;
  readonly listeners: Readonly<Record<string, ListenerNotation>>;
  /** Those that clusters name, and no others. */
  readonly secrets: Readonly<Record<string, SecretNotation>>;
}

/** What a change may draw on. */
export interface ChangeContext {
  readonly random: Random;
  /** A number that was not used before. */
  fresh(): number;
  /** Earlier configs, to go back to. */
  readonly history: readonly SimConfig[];
  /** Whether resources may turn bad. */
  readonly mayBreak: boolean;
}

type Change = (config: SimConfig, context: ChangeContext) => SimConfig;

export const clusterNames = ["a", "b", "c", "d", "e", "f"];
const routeNames = ["r1", "r2", "r3", "r4"];
const listenerNames = ["l1", "l2"];
const secretNames = ["s1", "s2"];

/** Where a run starts. */
export function firstConfig({ random, fresh }: ChangeContext): SimConfig {
  const clusters = Object.fromEntries(
    clusterNames.slice(0, 1 + random.int(3)).map((name) => [name, newCluster(name, fresh, random)]),
  );
  const routes = { r1: { clusters: [random.pick(Object.keys(clusters))] } };
  return { clusters, routes, listeners: { l1: { route: "r1" } }, secrets: {} };
}

/** The next config: one change, or two at once. */
export function changeConfig(config: SimConfig, context: ChangeContext): SimConfig {
  const { random } = context;
  const once = (before: SimConfig) =>
    withUsedSecrets(changes[random.weighted(context.mayBreak ? weights : goodWeights)](before, context), context.fresh);
  const changed = once(config);
  return random.chance(0.3) ? once(changed) : changed;
}

/** The same config with everything bad made good, as new content. */
export function cureConfig(config: SimConfig, fresh: () => number): SimConfig {
  return {
    clusters: mapValues(config.clusters, (cluster) => cureCluster(cluster, fresh)),
    routes: mapValues(config.routes, (route) =>
      route.bad === true ? { clusters: route.clusters, tune: fresh() } : route,
    ),
    listeners: mapValues(config.listeners, (listener) =>
      listener.bad === true ? { route: listener.route, tune: fresh() } : listener,
    ),
    secrets: mapValues(config.secrets, (secret) => (secret.bad === true ? { tune: fresh() } : secret)),
  };
}

/** Whether Envoy will accept all of it. */
export function isGood(config: SimConfig): boolean {
  return (
    Object.values(config.clusters).every(({ bad, badHosts }) => bad !== true && badHosts !== true) &&
    Object.values(config.routes).every(({ bad }) => bad !== true) &&
    Object.values(config.listeners).every(({ bad }) => bad !== true) &&
    Object.values(config.secrets).every(({ bad }) => bad !== true)
  );
}

const weights = {
  swap: 6,
  tune: 4,
  endpoints: 3,
  emptyUnrouted: 2,
  removeUnrouted: 2,
  addCluster: 1,
  addBackend: 2,
  dropBackend: 2,
  tuneRoute: 1,
  tuneListener: 2,
  renameRoute: 2,
  addListener: 1,
  removeListener: 1,
  secure: 1.5,
  rotate: 1,
  goBack: 2,
  breakOne: 4,
  cure: 2,
};

const goodWeights = { ...weights, breakOne: 0, cure: 0 };

const changes: Readonly<Record<keyof typeof weights, Change>> = {
  swap: (config, { random, fresh }) => {
    const from = random.pick(Object.keys(config.clusters));
    const to = random.pick(clusterNames.filter((name) => name !== from));
    const existing = config.clusters[to];
    const cluster = existing === undefined || hostsOf(existing) === 0 ? newCluster(to, fresh, random) : existing;
    const routes = mapValues(config.routes, (route) => moveRoute(route, from, to));
    const clusters: Record<string, ClusterNotation> = { ...config.clusters, [to]: cluster };
    const fate = random.weighted({ remove: 6, empty: 3, keep: 1 });
    if (fate === "remove") delete clusters[from];
    if (fate === "empty") clusters[from] = emptied(clusters[from]);
    return { ...config, clusters, routes };
  },
  tune: (config, { random, fresh }) =>
    changeCluster(config, random.pick(Object.keys(config.clusters)), (cluster) => ({ ...cluster, tune: fresh() })),
  endpoints: (config, { random, fresh }) =>
    changeCluster(config, random.pick(Object.keys(config.clusters)), (cluster) =>
      cluster.hosts === undefined ? cluster : { ...cluster, hosts: newHosts(fresh, random) },
    ),
  emptyUnrouted: (config, { random }) => {
    const name = pickUnrouted(config, random);
    return name === undefined ? config : changeCluster(config, name, emptied);
  },
  removeUnrouted: (config, { random }) => {
    const name = pickUnrouted(config, random);
    if (name === undefined || Object.keys(config.clusters).length === 1) return config;
    const clusters: Record<string, ClusterNotation> = { ...config.clusters };
    delete clusters[name];
    return { ...config, clusters };
  },
  addCluster: (config, { random, fresh }) => {
    const name = random.pick(clusterNames);
    return name in config.clusters
      ? config
      : { ...config, clusters: { ...config.clusters, [name]: newCluster(name, fresh, random) } };
  },
  addBackend: (config, { random }) => {
    const withHosts = Object.keys(config.clusters).filter((name) => hostsOf(config.clusters[name]) > 0);
    const route = pickKey(config.routes, random);
    if (route === undefined || withHosts.length === 0) return config;
    const cluster = random.pick(withHosts);
    return changeRoute(config, route, (old) => ({ ...old, clusters: [...new Set([...old.clusters, cluster])] }));
  },
  dropBackend: (config, { random }) => {
    const route = pickKey(config.routes, random);
    if (route === undefined) return config;
    return changeRoute(config, route, (old) =>
      old.clusters.length < 2 ? old : { ...old, clusters: old.clusters.slice(1) },
    );
  },
  tuneRoute: (config, { random, fresh }) => {
    const route = pickKey(config.routes, random);
    return route === undefined ? config : changeRoute(config, route, (old) => ({ ...old, tune: fresh() }));
  },
  tuneListener: (config, { random, fresh }) => {
    const name = pickKey(config.listeners, random);
    return name === undefined ? config : changeListener(config, name, (old) => ({ ...old, tune: fresh() }));
  },
  renameRoute: (config, { random }) => {
    const name = pickKey(config.listeners, random);
    const listener = name === undefined ? undefined : config.listeners[name];
    const free = routeNames.filter((route) => !(route in config.routes));
    const old = config.routes[listener?.route ?? ""];
    if (name === undefined || listener === undefined || old === undefined || free.length === 0) return config;
    const to = random.pick(free);
    const listeners = { ...config.listeners, [name]: { ...listener, route: to } };
    return withUsedRoutes({ ...config, listeners, routes: { ...config.routes, [to]: old } });
  },
  addListener: (config, { random }) => {
    const free = listenerNames.filter((name) => !(name in config.listeners));
    const route = pickKey(config.routes, random);
    if (free.length === 0 || route === undefined) return config;
    return { ...config, listeners: { ...config.listeners, [random.pick(free)]: { route } } };
  },
  removeListener: (config, { random }) => {
    const names = Object.keys(config.listeners);
    if (names.length < 2) return config;
    const listeners: Record<string, ListenerNotation> = { ...config.listeners };
    delete listeners[random.pick(names)];
    return withUsedRoutes({ ...config, listeners });
  },
  secure: (config, { random, fresh }) =>
    changeCluster(config, random.pick(Object.keys(config.clusters)), ({ secrets = [], ...cluster }) => ({
      ...cluster,
      tune: fresh(),
      ...(secrets.length > 0 && random.chance(0.5) ? {} : { secrets: [random.pick(secretNames)] }),
    })),
  rotate: (config, { random, fresh }) => {
    const name = pickKey(config.secrets, random);
    return name === undefined ? config : changeSecret(config, name, { tune: fresh() });
  },
  goBack: (config, { random, history }) => {
    const previous = history.at(-2) ?? config;
    return random.chance(0.5) ? previous : random.pick([...history, previous]);
  },
  breakOne: (config, { random, fresh }) => {
    const kind = random.weighted({ cluster: 4, endpoints: 2, route: 2, listener: 1, secret: 1 });
    const cluster = random.pick(Object.keys(config.clusters));
    const tune = fresh();
    if (kind === "cluster") return changeCluster(config, cluster, (old) => ({ ...old, tune, bad: true }));
    if (kind === "endpoints") {
      return changeCluster(config, cluster, (old) =>
        hostsOf(old) === 0 || old.hosts === undefined
          ? old
          : { ...old, hosts: newHosts(fresh, random), badHosts: true },
      );
    }
    const secret = pickKey(config.secrets, random);
    if (kind === "secret" && secret !== undefined) return changeSecret(config, secret, { tune, bad: true });
    const route = pickKey(config.routes, random);
    if (kind === "route" && route !== undefined)
      return changeRoute(config, route, (old) => ({ ...old, tune, bad: true }));
    const listener = pickKey(config.listeners, random);
    return listener === undefined ? config : changeListener(config, listener, (old) => ({ ...old, tune, bad: true }));
  },
  cure: (config, { fresh }) => cureConfig(config, fresh),
};

/** One name does without discovery of its endpoints. */
function newCluster(name: string, fresh: () => number, random: Random): ClusterNotation {
  return name === "f" ? { tune: fresh() } : { tune: fresh(), hosts: newHosts(fresh, random) };
}

function newHosts(fresh: () => number, random: Random): readonly string[] {
  return Array.from({ length: 1 + random.int(3) }, () => `10.0.0.${fresh()}:80`);
}

/** A cluster without discovery always has its host. */
function hostsOf(cluster: ClusterNotation | undefined): number {
  if (cluster === undefined) return 0;
  return cluster.hosts === undefined ? 1 : cluster.hosts.length;
}

function emptied(cluster: ClusterNotation = {}): ClusterNotation {
  if (cluster.hosts === undefined) return cluster;
  const { badHosts: _, ...rest } = cluster;
  return { ...rest, hosts: [] };
}

function cureCluster(cluster: ClusterNotation, fresh: () => number): ClusterNotation {
  const { bad, badHosts, tune = 0, ...rest } = cluster;
  if (bad !== true && badHosts !== true) return cluster;
  const cured = { ...rest, tune: bad === true ? fresh() : tune };
  return badHosts === true ? { ...cured, hosts: [`10.0.1.${fresh()}:80`] } : cured;
}

function moveRoute(route: RouteNotation, from: string, to: string): RouteNotation {
  if (!route.clusters.includes(from)) return route;
  return { ...route, clusters: [...new Set(route.clusters.map((name) => (name === from ? to : name)))] };
}

function pickUnrouted(config: SimConfig, random: Random): string | undefined {
  const routed = new Set(Object.values(config.routes).flatMap(({ clusters }) => clusters));
  const names = Object.keys(config.clusters).filter((name) => !routed.has(name));
  return names.length === 0 ? undefined : random.pick(names);
}

function pickKey(record: Readonly<Record<string, unknown>>, random: Random): string | undefined {
  const names = Object.keys(record);
  return names.length === 0 ? undefined : random.pick(names);
}

function withUsedRoutes(config: SimConfig): SimConfig {
  const used = new Set(Object.values(config.listeners).map(({ route }) => route));
  return { ...config, routes: Object.fromEntries(Object.entries(config.routes).filter(([name]) => used.has(name))) };
}

function withUsedSecrets(config: SimConfig, fresh: () => number): SimConfig {
  const used = new Set(Object.values(config.clusters).flatMap(({ secrets = [] }) => secrets));
  const names = Object.keys(config.secrets);
  if (used.size === names.length && names.every((name) => used.has(name))) return config;
  const secrets = Object.fromEntries([...used].map((name) => [name, config.secrets[name] ?? { tune: fresh() }]));
  return { ...config, secrets };
}

function changeSecret(config: SimConfig, name: string, secret: SecretNotation): SimConfig {
  return { ...config, secrets: { ...config.secrets, [name]: secret } };
}

function changeCluster(config: SimConfig, name: string, change: (old: ClusterNotation) => ClusterNotation): SimConfig {
  const old = config.clusters[name];
  return old === undefined ? config : { ...config, clusters: { ...config.clusters, [name]: change(old) } };
}

function changeRoute(config: SimConfig, name: string, change: (old: RouteNotation) => RouteNotation): SimConfig {
  const old = config.routes[name];
  return old === undefined ? config : { ...config, routes: { ...config.routes, [name]: change(old) } };
}

function changeListener(
  config: SimConfig,
  name: string,
  change: (old: ListenerNotation) => ListenerNotation,
): SimConfig {
  const old = config.listeners[name];
  return old === undefined ? config : { ...config, listeners: { ...config.listeners, [name]: change(old) } };
}

function mapValues<Value>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Value,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
