/**
 * What was typed after `fairway bootstrap`, checked.
 *
 * Every mistake is found and named with its flag, so that one run is enough to mend them all. Names may
 * hold any text: the printer sees to it that Envoy reads the same.
 */
import { isIP } from "node:net";
import { scalarRules } from "../model/schema-scalars.ts";
import { defined } from "../model/sort.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { OverloadLimits } from "./bootstrap-overload.ts";
import { readMaxConnections, readMaxHeap } from "./bootstrap-overload.ts";
import { statsChoices, type StatsChoice } from "./bootstrap-stats.ts";

/** What a bootstrap depends on, checked. */
export interface BootstrapOptions {
  readonly nodeId: string;
  readonly cluster: string;
  readonly api: "delta" | "sotw";
  readonly xds: HostPort;
  /** Where its other replicas are. */
  readonly replicas?: readonly HostPort[];
  readonly admin: HostPort;
  readonly locality?: {
    readonly region: string;
    readonly zone?: string;
    readonly subZone?: string;
  };
  readonly metadata?: Metadata;
  readonly tls?: BootstrapTls;
  /** The service whose endpoints are the Envoys themselves, for zone aware routing. */
  readonly localService?: string;
  readonly overload?: OverloadLimits;
  /** The Envoy tells the control plane how many requests go to which cluster. */
  readonly loadReports?: boolean;
  /** Whether the Envoy tells the control plane how requests to its clusters went; it does when absent. */
  readonly trafficReports?: boolean;
  /** And of clusters that are no subsets; it does not when absent. */
  readonly allTrafficReports?: boolean;
  /** How often it does, in proto3 JSON such as `1s`; Envoy's own five seconds when absent. */
  readonly statsFlushInterval?: string;
  /** The Envoy has a runtime layer that the control plane fills. */
  readonly runtime?: boolean;
  /** Which statistics the Envoy keeps; small when absent. */
  readonly stats?: StatsChoice;
}

/** How the control plane is checked, and how this Envoy is; files are those of the machine where Envoy runs. */
export interface BootstrapTls {
  readonly caFile: string;
  /** What the control plane's certificate must have, if not the address itself. */
  readonly name?: string;
  readonly own?: { readonly certFile: string; readonly keyFile: string };
}

/** A host without brackets, and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Node metadata: nested maps with text at the leaves. */
export interface Metadata {
  readonly [key: string]: string | Metadata;
}

/** What was typed, before any check. */
export interface BootstrapFlags {
  readonly nodeId?: string;
  readonly cluster: string;
  readonly sotw?: boolean;
  readonly grpc?: boolean;
  readonly xds: string;
  readonly admin: string;
  readonly locality?: string;
  readonly metadata?: readonly string[];
  readonly tlsCa?: string;
  readonly tlsName?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly localService?: string;
  readonly maxHeap?: string;
  readonly maxConnections?: string;
  readonly loadReports?: boolean;
  readonly trafficReports?: boolean;
  readonly allTrafficReports?: boolean;
  readonly statsFlushInterval?: string;
  readonly runtime?: boolean;
  readonly stats?: string;
  readonly output: string;
  readonly config?: readonly string[];
}

/** Envoy sends the node in messages and logs; a longer name is a mistake, such as a pasted file. */
const NAME_BYTES_MAX = 1_000;

/** More is a mistake, such as a pasted list of Envoys. */
const REPLICAS_MAX = 20;

/** Checks what was typed; the error side has one line for each mistake. */
export function readBootstrapOptions(flags: BootstrapFlags): Result<BootstrapOptions, readonly string[]> {
  const mistakes: string[] = [];
  const take = <T>(result: Result<T, string>): T | undefined => {
    if (result.ok) return result.value;
    mistakes.push(result.error);
    return undefined;
  };
  if (flags.output !== "yaml" && flags.output !== "json") {
    mistakes.push(`-o, --output: ${JSON.stringify(flags.output)} is neither yaml nor json`);
  }
  if (flags.grpc === true) mistakes.push(...mistakesForGrpc(flags));
  const nodeId = take(readName("--node-id", flags.nodeId));
  const cluster = take(readName("--cluster", flags.cluster));
  const [xds, ...replicas] = take(readReplicas(flags.xds)) ?? [];
  const admin = take(readAdmin(flags.admin));
  const locality = flags.locality === undefined ? undefined : take(readLocality(flags.locality));
  const metadata = flags.metadata === undefined ? undefined : take(readMetadata(flags.metadata));
  const tls = take(readTls(flags));
  const localService = flags.localService === undefined ? undefined : take(readLocalService(flags));
  const maxHeapBytes = flags.maxHeap === undefined ? undefined : take(readMaxHeap(flags.maxHeap));
  const maxConnections =
    flags.maxConnections === undefined ? undefined : take(readMaxConnections(flags.maxConnections));
  const flushInterval =
    flags.statsFlushInterval === undefined ? undefined : take(readFlushInterval(flags.statsFlushInterval));
  const { stats = "small" } = flags;
  if (!isStatsChoice(stats)) mistakes.push(`--stats: ${JSON.stringify(stats)} is neither small nor all`);
  const overload = defined({ maxHeapBytes, maxConnections });
  if (
    mistakes.length > 0 ||
    nodeId === undefined ||
    cluster === undefined ||
    xds === undefined ||
    admin === undefined
  ) {
    return err(mistakes);
  }
  return ok({
    nodeId,
    cluster,
    api: flags.sotw === true ? "sotw" : "delta",
    xds,
    ...(replicas.length === 0 ? {} : { replicas }),
    admin,
    ...(locality === undefined ? {} : { locality }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(tls === undefined ? {} : { tls }),
    ...(localService === undefined ? {} : { localService }),
    ...(Object.keys(overload).length === 0 ? {} : { overload }),
    ...(flags.loadReports === true ? { loadReports: true } : {}),
    ...(flags.trafficReports === false ? { trafficReports: false } : {}),
    ...(flags.allTrafficReports === true ? { allTrafficReports: true } : {}),
    ...(flushInterval === undefined ? {} : { statsFlushInterval: flushInterval }),
    ...(flags.runtime === true ? { runtime: true } : {}),
    ...(stats === "all" ? { stats } : {}),
  });
}

function isStatsChoice(text: string): text is StatsChoice {
  return (statsChoices as readonly string[]).includes(text);
}

/** Undefined without any of the flags; Envoy reads the files, so they need not be here. */
function mistakesForGrpc({
  sotw,
  tlsName,
  config,
  localService,
  maxHeap,
  maxConnections,
  runtime,
  stats,
  trafficReports,
  allTrafficReports,
  statsFlushInterval,
}: BootstrapFlags): readonly string[] {
  return [
    ...(runtime === true ? ["--runtime: gRPC has no runtime layers; leave it out"] : []),
    ...(maxHeap === undefined ? [] : ["--max-heap: it is a limit of Envoy; leave it out"]),
    ...(maxConnections === undefined ? [] : ["--max-connections: it is a limit of Envoy; leave it out"]),
    ...(localService === undefined ? [] : ["--local-service: gRPC has no zone aware routing; leave it out"]),
    ...(trafficReports === false ? ["--no-traffic-reports: they are of Envoy; leave it out"] : []),
    ...(allTrafficReports === true ? ["--all-traffic-reports: they are of Envoy; leave it out"] : []),
    ...(statsFlushInterval === undefined ? [] : ["--stats-flush-interval: they are statistics of Envoy; leave it out"]),
    ...(stats === "all" ? ["--stats: they are statistics of Envoy; leave it out"] : []),
    ...(config === undefined ? [] : ["--config: it names flags of Envoy, which gRPC has none of; leave it out"]),
    ...(sotw === true ? ["--sotw: gRPC has no other variant; leave it out"] : []),
    ...(tlsName === undefined ? [] : ["--tls-name: gRPC always takes the host of --xds; leave it out"]),
  ];
}

/** Envoy itself takes a millisecond and more; who flushes that often does little else. */
function readFlushInterval(text: string): Result<string, string> {
  const seconds = /^(?<seconds>[1-9]\d?)s$/.exec(text)?.groups?.["seconds"];
  return seconds !== undefined && Number(seconds) <= 60
    ? ok(`${seconds}s`)
    : err(`--stats-flush-interval: ${JSON.stringify(text)} is not a duration from 1s to 60s`);
}

function readTls({ tlsCa, tlsName, tlsCert, tlsKey }: BootstrapFlags): Result<BootstrapTls | undefined, string> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    return err(
      `--tls-cert and --tls-key belong together; ${tlsCert === undefined ? "--tls-cert" : "--tls-key"} is missing`,
    );
  }
  if (tlsCa === undefined) {
    const needs = tlsName === undefined ? (tlsCert === undefined ? undefined : "--tls-cert") : "--tls-name";
    return needs === undefined ? ok(undefined) : err(`${needs} needs --tls-ca: Envoy would believe any control plane`);
  }
  if ([tlsCa, tlsName, tlsCert, tlsKey].includes("")) return err("--tls-ca and the flags beside it need a value");
  return ok({
    caFile: tlsCa,
    ...(tlsName === undefined ? {} : { name: tlsName }),
    ...(tlsCert === undefined || tlsKey === undefined ? {} : { own: { certFile: tlsCert, keyFile: tlsKey } }),
  });
}

function readName(flag: string, text: string | undefined): Result<string, string> {
  if (text === undefined) return err(`${flag} is required: Envoy does not start without it`);
  if (text === "") return err(`${flag} is empty: Envoy does not start without it`);
  if (!text.isWellFormed()) return err(`${flag} is not valid Unicode`);
  const bytes = Buffer.byteLength(text);
  if (bytes > NAME_BYTES_MAX) return err(`${flag} has ${bytes} bytes; at most ${NAME_BYTES_MAX} are allowed`);
  return ok(text);
}

/** A name under `services` in the config, which is not read here. */
function readLocalService({ localService = "", locality }: BootstrapFlags): Result<string, string> {
  if (locality === undefined) return err("--local-service needs --locality: it is for the sake of this Envoy's zone");
  return scalarRules.name.pattern.test(localService)
    ? ok(localService)
    : err(`--local-service: ${JSON.stringify(localService)} is not the name of a service`);
}

/** One address, or several with commas. */
function readReplicas(text: string): Result<readonly HostPort[], string> {
  const parts = text.split(",");
  if (parts.length > REPLICAS_MAX) return err(`--xds names ${parts.length} addresses; at most ${REPLICAS_MAX}`);
  const found: HostPort[] = [];
  for (const part of parts) {
    const read = readHostPort("--xds", part, { portMin: 1 });
    if (!read.ok) return read;
    const { host, port } = read.value;
    if (found.some((other) => other.host === host && other.port === port)) return err(`--xds names ${part} twice`);
    found.push(read.value);
  }
  return ok(found);
}

function readHostPort(flag: string, text: string, bounds: { readonly portMin: number }): Result<HostPort, string> {
  const wrong = (why: string): Result<HostPort, string> =>
    err(`${flag}: ${JSON.stringify(text)} ${why}; write host:port, such as 127.0.0.1:18000 or [::1]:18000`);
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text)?.groups;
  if (parts === undefined) return wrong("is not an address");
  const host = parts["v6"] ?? parts["host"] ?? "";
  if (parts["v6"] !== undefined && isIP(host) !== 6) return wrong("has no IPv6 address in its brackets");
  if (parts["v6"] === undefined && isIP(host) !== 4 && !isHostname(host)) return wrong("has no valid host name");
  const port = Number(parts["port"]);
  if (port < bounds.portMin || port > 65_535) return wrong(`has no port between ${bounds.portMin} and 65535`);
  return ok({ host, port });
}

/** Envoy binds its admin page to an address and resolves no name for it; port 0 lets the kernel choose. */
function readAdmin(text: string): Result<HostPort, string> {
  const admin = readHostPort("--admin", text, { portMin: 0 });
  if (!admin.ok || isIP(admin.value.host) !== 0) return admin;
  return err(
    `--admin: ${JSON.stringify(admin.value.host)} is a name; Envoy needs an IP address here, such as 127.0.0.1`,
  );
}

/** RFC 1123 names; a last label of digits only would be a mistyped IPv4 address. */
function isHostname(host: string): boolean {
  const labels = host.split(".");
  const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
  return host.length <= 253 && labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1) ?? "");
}

function readLocality(text: string): Result<NonNullable<BootstrapOptions["locality"]>, string> {
  const [region, zone, subZone, ...more] = text.split("/");
  if (region === undefined || [region, zone, subZone].includes("") || more.length > 0) {
    return err(`--locality: ${JSON.stringify(text)} is not region, region/zone or region/zone/sub-zone`);
  }
  return ok({
    region,
    ...(zone === undefined ? {} : { zone }),
    ...(subZone === undefined ? {} : { subZone }),
  });
}

function readMetadata(pairs: readonly string[]): Result<Metadata, string> {
  const root = emptyMap();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const path = equals < 0 ? [] : pair.slice(0, equals).split(".");
    const leaf = path.pop();
    if (leaf === undefined || leaf === "" || path.includes("")) {
      return err(`--metadata: ${JSON.stringify(pair)} is not key=value`);
    }
    let map: MetadataMap | undefined = root;
    for (const key of path) {
      const inner: string | MetadataMap = (map[key] ??= emptyMap());
      map = typeof inner === "string" ? undefined : inner;
      if (map === undefined) break;
    }
    if (map === undefined || leaf in map)
      return err(`--metadata: ${JSON.stringify(pair)} contradicts an earlier value`);
    map[leaf] = pair.slice(equals + 1);
  }
  return ok(root);
}

interface MetadataMap {
  [key: string]: string | MetadataMap;
}

/** Without a prototype, so that a key such as `__proto__` is an ordinary key. */
function emptyMap(): MetadataMap {
  return Object.create(null) as MetadataMap;
}
