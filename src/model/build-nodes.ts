/**
 * From checked `nodes`, `gateways` and `resources` entries to their parts of the intent.
 */
import { present } from "../support/assert.ts";
import { buildAccessLogs } from "./build-access-log.ts";
import { buildClientTraffic } from "./build-client-traffic.ts";
import type { DraftAttachment } from "./build-policy.ts";
import { buildAttachments } from "./build-policy.ts";
import { rawMessage, rawResourceName } from "./check-raw-resource.ts";
import { buildGatewayTracing } from "./build-tracing.ts";
import { durationMs } from "./duration.ts";
import type {
  Gateway,
  GatewayListener,
  GatewayTimeouts,
  GrpcListener,
  L4Listener,
  ListenerTls,
} from "./intent-gateway.ts";
import type { JsonValue, NodeGroup, NodeMatch, RawResource } from "./intent.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { GatewayValue, NodeGroupValue, RawResourceValue } from "./schema.ts";
import { byName, defined, sortedRecord } from "./sort.ts";

/** A gateway whose groups may still mean "all", and whose policies are names. */
export interface DraftGateway extends Omit<Gateway, "groups" | "policies"> {
  readonly groups?: readonly string[];
  readonly policies: readonly DraftAttachment[];
}

export function buildNodeGroup(document: SourceDocument, path: Path, value: NodeGroupValue): NodeGroup {
  const { grace, deadline, onDeadline } = value.updates ?? {};
  const { clusters = false, timeout } = value.onDemand ?? {};
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    match: buildMatch(value.match ?? {}),
    ...(value.services === undefined ? {} : { services: unique(value.services) }),
    consistency: value.consistency ?? "strict",
    removalGuard:
      value.removalGuard === "off"
        ? { mode: "off" }
        : { mode: "on", ...defined({ percent: value.removalGuard?.percent, minimum: value.removalGuard?.minimum }) },
    ...(value.runtime === undefined ? {} : { runtime: sortedRecord(value.runtime) }),
    ...(value.routeReports === true ? { routeReports: true as const } : {}),
    ...(clusters ? { onDemandClusters: timeout === undefined ? {} : { timeoutMs: durationMs(timeout) } } : {}),
    updates: {
      ...(grace === undefined ? {} : { graceMs: durationMs(grace) }),
      ...(deadline === undefined ? {} : { deadlineMs: durationMs(deadline) }),
      ...defined({ onDeadline }),
    },
  };
}

export function buildGateway(document: SourceDocument, path: Path, value: GatewayValue): DraftGateway {
  const listeners: GatewayListener[] = [];
  const grpcListeners: GrpcListener[] = [];
  const l4Listeners: L4Listener[] = [];
  for (const [index, listener] of value.listeners.entries()) {
    const { name, port } = listener;
    const at = placeOf(document, [...path, "listeners", index], "value");
    if (listener.protocol === "GRPC_XDS") {
      const hostnames = present(listener.hostnames, "the schema demands names");
      // A resource has its name letter by letter, so case stays.
      grpcListeners.push({ name, at, hostnames: unique(hostnames), ...defined({ port }) });
      continue;
    }
    const built: GatewayListener = {
      name,
      at,
      ...defined({ address: listener.address }),
      port: present(port, "the schema demands a port"),
      ...buildHostnames(listener.hostnames),
      ...(listener.tls?.secret === undefined
        ? {}
        : { tls: buildTls({ ...listener.tls, secret: listener.tls.secret }) }),
      ...(listener.http2?.extendedConnect === true ? { extendedConnect: true as const } : {}),
      ...buildHttp3(listener.http3),
      ...(listener.proxyProtocol === undefined
        ? {}
        : { proxyProtocol: { optional: listener.proxyProtocol.optional ?? false } }),
      ...(listener.connectionLimit === undefined ? {} : { connectionLimit: buildLimit(listener.connectionLimit) }),
      ...buildRedirected(listener),
    };
    const { protocol } = listener;
    if (protocol === "TCP" || protocol === "TLS" || protocol === "UDP") l4Listeners.push({ ...built, protocol });
    else listeners.push(built);
  }
  const clients = buildClientTraffic(document, path, value);
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    ...defined({ clients }),
    ...(value.nodes === undefined ? {} : { groups: listOf(value.nodes) }),
    listeners: listeners.toSorted(byName),
    grpcListeners: grpcListeners.toSorted(byName),
    l4Listeners: l4Listeners.toSorted(byName),
    policies: buildAttachments(document, path, value.policies),
    accessLogs: buildAccessLogs(document, [...path, "accessLogs"], value.accessLogs ?? []),
    ...(value.tracing === undefined
      ? {}
      : { tracing: buildGatewayTracing(document, [...path, "tracing"], value.tracing) }),
    ...(value.timeouts === undefined ? {} : { timeouts: buildTimeouts(value.timeouts) }),
    ...(value.drain === undefined
      ? {}
      : { drain: { at: placeOf(document, [...path, "drain"], "key"), timeMs: durationMs(value.drain.time) } }),
  };
}

function buildHttp3(written: GatewayValue["listeners"][number]["http3"]): Pick<GatewayListener, "http3"> {
  if (written === undefined || written === false) return {};
  if (written === true) return { http3: {} };
  const { advertisedPort, maxAge } = written;
  return { http3: defined({ advertisedPort, maxAgeMs: maxAge === undefined ? undefined : durationMs(maxAge) }) };
}

/** What is written as Envoy's default is absent. */
function buildRedirected({
  originalDestination,
  useOriginalDst,
  bindToPort,
}: GatewayValue["listeners"][number]): Pick<GatewayListener, "originalDestination" | "bindToPort"> {
  return {
    ...(useOriginalDst === true
      ? { originalDestination: { handsOver: true } }
      : originalDestination === true
        ? { originalDestination: { handsOver: false } }
        : {}),
    ...(bindToPort === false ? { bindToPort } : {}),
  };
}

function buildLimit({
  maxConnections,
  delay,
}: NonNullable<GatewayValue["listeners"][number]["connectionLimit"]>): NonNullable<GatewayListener["connectionLimit"]> {
  return { maxConnections, ...(delay === undefined ? {} : { delayMs: durationMs(delay) }) };
}

function buildTimeouts(written: NonNullable<GatewayValue["timeouts"]>): GatewayTimeouts {
  return Object.fromEntries(
    Object.entries(written).flatMap(([key, text]) => (text === undefined ? [] : [[`${key}Ms`, durationMs(text)]])),
  );
}

/** Hostnames know no case; `*` is all of them. */
function buildHostnames(written: readonly string[] | undefined): Pick<GatewayListener, "hostnames"> {
  if (written === undefined || written.includes("*")) return {};
  return { hostnames: unique(written.map((hostname) => hostname.toLowerCase())) };
}

type TlsValue = NonNullable<GatewayValue["listeners"][number]["tls"]>;

function buildTls({ mode: _, secret, ...rest }: TlsValue & { readonly secret: string | string[] }): ListenerTls {
  return { certificates: listOf(secret), ...defined(rest) };
}

export function buildRawResource(document: SourceDocument, path: Path, value: RawResourceValue): RawResource {
  const json = value as { readonly [key: string]: JsonValue };
  const typeUrl = value["@type"];
  return {
    at: placeOf(document, path, "value"),
    ...(value.nodes === undefined ? {} : { groups: listOf(value.nodes) }),
    typeUrl,
    name: present(rawResourceName(typeUrl, json), "checkRawResource demands a name"),
    json: rawMessage(json),
    ...(value.ttl === undefined ? {} : { ttlMs: durationMs(value.ttl) }),
  };
}

function buildMatch(value: NonNullable<NodeGroupValue["match"]>): NodeMatch {
  return {
    ...(value.id === undefined ? {} : { ids: listOf(value.id) }),
    ...(value.cluster === undefined ? {} : { clusters: listOf(value.cluster) }),
    ...(value.metadata === undefined ? {} : { metadata: sortedRecord(value.metadata) }),
    ...(value.locality === undefined ? {} : { locality: defined(value.locality) }),
  };
}

/** One name or a list of them, as a sorted list. */
export function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : unique(value);
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}
