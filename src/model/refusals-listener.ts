/**
 * Listeners: addresses, filter chains that no two connections can tell apart, and the order of filters.
 */
import type {
  Filter,
  FilterChain,
  FilterChainMatch,
} from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type {
  HttpConnectionManager,
  HttpConnectionManager_UpgradeConfig,
  HttpFilter,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { problem, refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";
import { addressProblems } from "./refusals-address.ts";
import { typeOf } from "./refusals-extension.ts";
import { chainConflicts } from "./refusals-filter-chain.ts";
import { udpProblems } from "./refusals-quic.ts";

const network = "envoy.extensions.filters.network";
const http = "envoy.extensions.filters.http";

/** Network filters that take the connection over; what is in neither list is left to Envoy. */
const connectionEnds: ReadonlySet<string> = new Set([
  `${network}.http_connection_manager.v3.HttpConnectionManager`,
  `${network}.tcp_proxy.v3.TcpProxy`,
]);
const connectionPasses: ReadonlySet<string> = new Set([
  `${network}.rbac.v3.RBAC`,
  `${network}.ext_authz.v3.ExtAuthz`,
  `${network}.ratelimit.v3.RateLimit`,
  `${network}.local_ratelimit.v3.LocalRateLimit`,
  `${network}.connection_limit.v3.ConnectionLimit`,
]);
const router = `${http}.router.v3.Router`;
/** HTTP filters that pass requests on, so that something must come after them. */
const requestPasses: ReadonlySet<string> = new Set([
  `${http}.cors.v3.Cors`,
  `${http}.fault.v3.HTTPFault`,
  `${http}.rbac.v3.RBAC`,
  `${http}.jwt_authn.v3.JwtAuthentication`,
  `${http}.ext_authz.v3.ExtAuthz`,
  `${http}.lua.v3.Lua`,
  `${http}.buffer.v3.Buffer`,
  `${http}.compressor.v3.Compressor`,
  `${http}.local_ratelimit.v3.LocalRateLimit`,
  `${http}.ratelimit.v3.RateLimit`,
  `${http}.header_mutation.v3.HeaderMutation`,
  `${http}.csrf.v3.CsrfPolicy`,
]);

/** `SocketAddress.Protocol.TCP`. */
const TCP = 0;

export const listenerRules: RuleTable = {
  "envoy.config.listener.v3.Listener": ruleFor<Listener>((listener) => [
    ...bindingProblems(listener),
    ...chainConflicts(listener),
    ...udpProblems(listener),
  ]),
  "envoy.config.listener.v3.FilterChainMatch": ruleFor<FilterChainMatch>(matchProblems),
  "envoy.config.listener.v3.FilterChain": ruleFor<FilterChain>(({ filters }) =>
    orderProblems(filters, { path: "filters", ends: connectionEnds, passes: connectionPasses }),
  ),
  [`${network}.http_connection_manager.v3.HttpConnectionManager`]: ruleFor<HttpConnectionManager>((manager) => [
    ...httpOrderProblems(manager.httpFilters, "http_filters"),
    ...managerProblems(manager),
  ]),
  [`${network}.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig`]:
    ruleFor<HttpConnectionManager_UpgradeConfig>(({ filters }) => httpOrderProblems(filters, "filters")),
};

function bindingProblems(listener: Listener): readonly EnvoyProblem[] {
  const { address, additionalAddresses, listenerSpecifier, apiListener } = listener;
  const hint = "write the IP address of an interface, or 0.0.0.0 or :: for all";
  const found = [
    ...addressProblems(address, ["address"], hint),
    ...additionalAddresses.flatMap(({ address: other }, index) =>
      addressProblems(other, ["additional_addresses", index, "address"], hint),
    ),
  ];
  const isOrdinary = listenerSpecifier.case === undefined && apiListener === undefined;
  if (isOrdinary && address === undefined) {
    found.push(problem("missing-key", ["address"], { message: "a listener needs an `address`" }));
  }
  const chainless =
    listener.filterChains.length === 0 &&
    listener.defaultFilterChain === undefined &&
    listener.fcdsConfig === undefined;
  const protocol: number | undefined =
    address?.address.case === "socketAddress" ? address.address.value.protocol : undefined;
  if (isOrdinary && protocol === TCP && chainless) {
    found.push(problem("missing-key", ["filter_chains"], { message: "a listener needs a filter chain" }));
  }
  return found;
}

function matchProblems(match: FilterChainMatch): readonly EnvoyProblem[] {
  return [
    ...match.serverNames.flatMap((name, index) =>
      when(name.includes("*") && !name.startsWith("*."), () =>
        refused(
          ["server_names", index],
          `"${name}" has its * elsewhere than as the first label`,
          'write "*.example.com"',
        ),
      ),
    ),
    ...when(match.suffixLen !== undefined, () => refused(["suffix_len"], "Envoy does not implement it")),
    ...when(match.addressSuffix !== "", () => refused(["address_suffix"], "Envoy does not implement it")),
  ];
}

interface Order {
  readonly path: string;
  readonly ends: ReadonlySet<string>;
  readonly passes: ReadonlySet<string>;
}

/** A chain without filters is fine; otherwise exactly its last filter ends it. */
function orderProblems(filters: readonly (Filter | HttpFilter)[], order: Order): readonly EnvoyProblem[] {
  const types = filters.map(({ configType }) =>
    configType.case === "typedConfig" ? typeOf(configType.value) : undefined,
  );
  const early = types.slice(0, -1).flatMap((type, index) =>
    when(type !== undefined && order.ends.has(type), () => {
      const message = `"${filters[index]?.name}" ends the chain, but filters come after it`;
      const hint = "move it to the end, or remove what is after it";
      return problem("filter-order", [order.path, index], { message, hint });
    }),
  );
  const last = types.at(-1);
  if (early.length > 0 || last === undefined || !order.passes.has(last)) return early;
  const message = `the chain ends with "${filters.at(-1)?.name}", which only passes on`;
  const hint = `add a filter such as ${[...order.ends].at(-1)} at the end`;
  return [problem("filter-order", [order.path, filters.length - 1], { message, hint })];
}

function httpOrderProblems(filters: readonly HttpFilter[], path: string): readonly EnvoyProblem[] {
  const last = filters.at(-1);
  return [
    ...orderProblems(filters, { path, ends: new Set([router]), passes: requestPasses }),
    ...when(last?.disabled === true, () =>
      refused([path, filters.length - 1, "disabled"], "the last filter of a chain cannot be disabled"),
    ),
  ];
}

function managerProblems(manager: HttpConnectionManager): readonly EnvoyProblem[] {
  const seen = new Set<string>();
  return [
    ...when(manager.useRemoteAddress === true && manager.originalIpDetectionExtensions.length > 0, () =>
      refused(["original_ip_detection_extensions"], "excludes `use_remote_address`"),
    ),
    ...when(manager.stripMatchingHostPort && manager.stripPortMode.value === true, () =>
      refused(["strip_any_host_port"], "excludes `strip_matching_host_port`"),
    ),
    ...manager.upgradeConfigs.flatMap(({ upgradeType }, index) => {
      const repeated = seen.has(upgradeType.toLowerCase());
      seen.add(upgradeType.toLowerCase());
      return when(repeated, () =>
        problem("duplicate-name", ["upgrade_configs", index, "upgrade_type"], {
          message: `the upgrade "${upgradeType}" is configured twice`,
        }),
      );
    }),
  ];
}
