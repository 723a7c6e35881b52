/**
 * Which listeners take the connection of a request, and with which HttpConnectionManager.
 *
 * The URL's port chooses by port, `https` wants TLS, and the name of its host chooses among the filter chains
 * of a TLS listener. What chooses by the client's address cannot be known here and is told as a note.
 */
import { isIP } from "node:net";
import type { AddressJson } from "../gen/envoy/config/core/v3/address_pb.d.ts";
import type { FilterChainJson } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { TcpProxyJson } from "../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.d.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { AskedRequest } from "./asked-request.ts";
import type { ListenerFacts, Setting } from "./explanation.ts";
import type { Located, ResourceLookup } from "./resource-lookup.ts";

/** A listener that takes the connection. */
export interface TakingListener {
  readonly facts: ListenerFacts;
  /** Absent when the chain does not speak HTTP. */
  readonly http: HttpConnectionManagerJson | undefined;
  /** Of a chain that passes the bytes on. */
  readonly tcp: TcpProxyJson | undefined;
  /** What is in force for its connections. */
  readonly settings: readonly Setting[];
  readonly notes: readonly string[];
}

/** Those that take the connection, by name. */
export function matchListeners(lookup: ResourceLookup, asked: AskedRequest): readonly TakingListener[] {
  const onPort = listenersOnPort(lookup.all<ListenerJson>(typeUrls.listener), asked);
  return onPort.flatMap((listener) => take(listener, asked) ?? []);
}

/** Without a port in the URL those on the port of the scheme, and if nobody listens there, all. */
export function listenersOnPort(
  all: readonly Located<ListenerJson>[],
  { port, scheme }: AskedRequest,
): readonly Located<ListenerJson>[] {
  const on = (wanted: number) => all.filter(({ json }) => portsOf(json).includes(wanted));
  if (port !== undefined) return on(port);
  const usual = on(scheme === "https" ? 443 : 80);
  return usual.length > 0 ? usual : all;
}

function take({ name, json, at, patchedAt }: Located<ListenerJson>, asked: AskedRequest): TakingListener | undefined {
  const chain = chooseChain(json, asked);
  if (chain === undefined) return undefined;
  const tls = isTls(chain);
  if (tls !== (asked.scheme === "https")) return undefined;
  const filterChain = chain.name ?? "";
  const filterOf = (type: string) =>
    (chain.filters ?? [])
      .map(({ typedConfig }) => typedConfig)
      .find((config) => config?.["@type"]?.endsWith(`.${type}`) === true);
  return {
    facts: {
      name,
      address: addressText(json.address),
      at,
      ...(patchedAt === undefined ? {} : { patchedAt }),
      tls,
      ...(filterChain === "" ? {} : { filterChain }),
    },
    http: filterOf("HttpConnectionManager") as HttpConnectionManagerJson | undefined,
    tcp: filterOf("TcpProxy") as TcpProxyJson | undefined,
    settings: describeConnections(json, chain),
    notes: asksForTheClient(chain) ? [`the filter chain ${filterChain} of ${name} is for some clients only`] : [],
  };
}

/** Of the filters that Fairway makes, those that are about connections. */
interface ConnectionFilter {
  readonly "@type"?: string;
  readonly maxConnections?: string;
  readonly delay?: string;
  readonly allowRequestsWithoutProxyProtocol?: boolean;
}

function describeConnections(
  { listenerFilters = [], useOriginalDst, bindToPort }: ListenerJson,
  { filters = [] }: FilterChainJson,
): readonly Setting[] {
  const handed = {
    name: "port",
    text: "opened by no Envoy; a listener with useOriginalDst hands its connections over",
  };
  const found = [...listenerFilters, ...filters].flatMap(({ typedConfig }): readonly Setting[] => {
    const config: ConnectionFilter = typedConfig ?? {};
    const type = config["@type"] ?? "";
    if (type.endsWith(".OriginalDst")) {
      const handsOver = useOriginalDst === true ? ", and handed to the listener of that port where there is one" : "";
      return [{ name: "original destination", text: `asked of the kernel${handsOver}` }];
    }
    if (type.endsWith(".ConnectionLimit")) {
      const then = config.delay === undefined ? "at once" : `after ${config.delay}`;
      return [{ name: "connections", text: `${config.maxConnections ?? 0} at a time; beyond closed ${then}` }];
    }
    if (!type.endsWith(".ProxyProtocol")) return [];
    const text = config.allowRequestsWithoutProxyProtocol === true ? "taken where it is sent" : "demanded";
    return [{ name: "PROXY protocol", text }];
  });
  return bindToPort === false ? [handed, ...found] : found;
}

/**
 * Envoy's order: the destination port, the server name, the transport; each stage keeps the most specific
 * and does not come back. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto
 */
function chooseChain(listener: ListenerJson, asked: AskedRequest): FilterChainJson | undefined {
  const ports = portsOf(listener);
  let chains = listener.filterChains ?? [];
  chains = preferred(chains, ({ filterChainMatch: match }) => {
    if (match?.destinationPort === undefined) return 0;
    return ports.includes(match.destinationPort) ? 1 : undefined;
  });
  // For an IP address clients send no server name.
  const sni = asked.scheme === "https" && isIP(asked.hostname) === 0 ? asked.hostname.toLowerCase() : "";
  chains = preferred(chains, (chain) => serverNameRank(chain, sni));
  const transport = asked.scheme === "https" ? "tls" : "raw_buffer";
  chains = preferred(chains, ({ filterChainMatch: match }) => {
    const wanted = match?.transportProtocol ?? "";
    if (wanted === "") return 0;
    return wanted === transport || (wanted === "quic" && transport === "tls") ? 1 : undefined;
  });
  // A client that offers both protocols gets the chain that names one of them.
  chains = preferred(chains, ({ filterChainMatch: match }) => {
    const protocols = match?.applicationProtocols ?? [];
    if (protocols.length === 0) return 0;
    return protocols.some((protocol) => protocol === "h2" || protocol === "http/1.1") ? 1 : undefined;
  });
  return chains[0] ?? listener.defaultFilterChain;
}

/** Those with the highest rank; without a rank a chain does not match. */
function preferred(
  chains: readonly FilterChainJson[],
  rank: (chain: FilterChainJson) => number | undefined,
): readonly FilterChainJson[] {
  const ranked = chains.map((chain) => rank(chain) ?? -1);
  const best = Math.max(0, ...ranked);
  return chains.filter((_, index) => ranked[index] === best);
}

function serverNameRank({ filterChainMatch }: FilterChainJson, sni: string): number | undefined {
  const names = filterChainMatch?.serverNames ?? [];
  if (names.length === 0) return 0;
  const ranks = names.map((written) => {
    const name = written.toLowerCase();
    if (name === sni) return 10_000;
    return name.startsWith("*.") && sni.endsWith(name.slice(1)) && sni.length >= name.length ? name.length : -1;
  });
  const best = Math.max(...ranks);
  return best === -1 ? undefined : best;
}

/** Whether clients of the chain speak TLS, over TCP or QUIC, with the Envoy or through it. */
export function isTls({ transportSocket, filterChainMatch }: FilterChainJson): boolean {
  if (filterChainMatch?.transportProtocol === "tls") return true;
  const type = transportSocket?.typedConfig?.["@type"] ?? "";
  return type.endsWith(".DownstreamTlsContext") || type.endsWith(".QuicDownstreamTransport");
}

function asksForTheClient({ filterChainMatch: match }: FilterChainJson): boolean {
  return [match?.prefixRanges, match?.directSourcePrefixRanges, match?.sourcePrefixRanges, match?.sourcePorts].some(
    (list) => (list?.length ?? 0) > 0,
  );
}

function portsOf(listener: ListenerJson): readonly number[] {
  const addresses = [listener.address, ...(listener.additionalAddresses ?? []).map(({ address }) => address)];
  return addresses.flatMap((address) => address?.socketAddress?.portValue ?? []);
}

/** `10.0.0.1:80`, `[::1]:80`, or the path of a pipe. */
export function addressText(address: AddressJson | undefined): string {
  if (address?.pipe?.path !== undefined) return address.pipe.path;
  const { address: host = "", portValue = 0 } = address?.socketAddress ?? {};
  return host.includes(":") ? `[${host}]:${portValue}` : `${host}:${portValue}`;
}
