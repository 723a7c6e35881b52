/**
 * Which virtual host takes a request: the one with the most specific domain for its host.
 *
 * An exact domain, then the longest `*.example.com`, then the longest `example.*`, then `*`; hosts know no
 * case. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
 */
import type { VirtualHostJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.d.ts";

/** A virtual host and which of its domains was the one. */
export interface ChosenHost {
  readonly virtualHost: VirtualHostJson;
  readonly domain: string;
}

/** Undefined when no domain matches the host. */
export function matchVirtualHost(config: RouteConfigurationJson, written: string): ChosenHost | undefined {
  const host = (config.ignorePortInHostMatching === true ? withoutPort(written) : written).toLowerCase();
  // Without a host only a `*` alone on the configuration is of use to Envoy.
  if (host === "" && config.virtualHosts?.some(({ domains }) => domains?.some((domain) => domain !== "*")))
    return undefined;
  let best: (ChosenHost & { readonly rank: number }) | undefined;
  for (const virtualHost of config.virtualHosts ?? []) {
    for (const domain of virtualHost.domains ?? []) {
      const rank = rankOf(domain.toLowerCase(), host);
      if (rank !== undefined && (best === undefined || rank > best.rank)) best = { virtualHost, domain, rank };
    }
  }
  return best;
}

/** `example.com:8080` → `example.com`; the colons of an IPv6 address in brackets are none of a port. */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon === -1 || colon < host.lastIndexOf("]") ? host : host.slice(0, colon);
}

/** Hosts are far shorter, so that kinds never mix. */
const KIND = 1_000_000;

/** Undefined when it does not match; a wildcard stands for at least one character. */
function rankOf(domain: string, host: string): number | undefined {
  if (domain === "*") return 0;
  if (domain === host) return 3 * KIND;
  const { length } = domain;
  if (length > host.length) return undefined;
  if (domain.startsWith("*")) return host.endsWith(domain.slice(1)) ? 2 * KIND + length : undefined;
  if (domain.endsWith("*")) return host.startsWith(domain.slice(0, -1)) ? KIND + length : undefined;
  return undefined;
}
