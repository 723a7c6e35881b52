/**
 * Pairs of listeners that do or do not claim one address, for the check of a snapshot and for a real Envoy.
 */
import type { JsonValue } from "../../src/model/intent.ts";

type Fields = { readonly [key: string]: JsonValue };

/** What the row shows, whether Envoy refuses the second listener, and both, on a port. */
type AddressPair = readonly [title: string, clash: boolean, listeners: (port: number) => readonly [Fields, Fields]];

const tcpProxy = {
  name: "tcp",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    stat_prefix: "tcp",
    cluster: "none",
  },
};
const udpProxy = {
  name: "udp",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig",
    stat_prefix: "udp",
    cluster: "none",
  },
};
const apiManager = {
  "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  stat_prefix: "api",
  route_config: { name: "api" },
  http_filters: [
    {
      name: "router",
      typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    },
  ],
};

function socket(address: string, port: number, rest: Fields = {}): Fields {
  return { socket_address: { address, port_value: port, ...rest } };
}

function tcp(address: string, port: number, rest: Fields = {}): Fields {
  return { address: socket(address, port), filter_chains: [{ filters: [tcpProxy] }], ...rest };
}

function udp(address: string, port: number): Fields {
  return { address: socket(address, port, { protocol: "UDP" }), listener_filters: [udpProxy] };
}

const unbound = { bind_to_port: false };
const also = (address: string, port: number) => ({ additional_addresses: [{ address: socket(address, port) }] });

export const addressPairs: readonly AddressPair[] = [
  ["the same address and port", true, (port) => [tcp("127.0.0.1", port), tcp("127.0.0.1", port)]],
  ["the same for UDP", true, (port) => [udp("127.0.0.1", port), udp("127.0.0.1", port)]],
  ["an IPv6 address in two spellings", true, (port) => [tcp("::1", port), tcp("0:0:0:0:0:0:0:1", port)]],
  ["one that does not bind", true, (port) => [tcp("127.0.0.1", port), tcp("127.0.0.1", port, unbound)]],
  ["two that do not bind", true, (port) => [tcp("127.0.0.1", port, unbound), tcp("127.0.0.1", port, unbound)]],
  ["an additional address", true, (port) => [tcp("127.0.0.1", port), tcp("127.0.0.2", port, also("127.0.0.1", port))]],
  [
    "an additional address of both",
    true,
    (port) => [tcp("127.0.0.1", port, also("127.0.0.3", port)), tcp("127.0.0.2", port, also("127.0.0.3", port))],
  ],
  [
    "a socket of the file system",
    true,
    (port) => {
      const address = { pipe: { path: `@fairway-test-${port}` } };
      return [tcp("", 0, { address }), tcp("", 0, { address })];
    },
  ],
  ["TCP and UDP on one port", false, (port) => [tcp("127.0.0.1", port), udp("127.0.0.1", port)]],
  ["two addresses on one port", false, (port) => [tcp("127.0.0.1", port), tcp("127.0.0.2", port)]],
  ["all addresses and one of them", false, (port) => [tcp("0.0.0.0", port), tcp("127.0.0.1", port)]],
  ["a port that the kernel chooses", false, () => [tcp("127.0.0.1", 0), tcp("127.0.0.1", 0)]],
  [
    "one address twice in one listener",
    false,
    (port) => [tcp("127.0.0.1", port, also("127.0.0.1", port)), tcp("127.0.0.2", port)],
  ],
  [
    "a listener for an API",
    false,
    (port) => [tcp("127.0.0.1", port), tcp("127.0.0.1", port, { api_listener: { api_listener: apiManager } })],
  ],
];
