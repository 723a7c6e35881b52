/**
 * Extensions in a place for another kind, and places without one.
 *
 * Envoy finds an extension by the type of its config, and only among those of the kind that the place asks
 * for. Kinds are told by the package of the type; of what is in none of these packages nothing is said,
 * since a build of Envoy can have extensions of its own.
 */
import type { Any } from "@bufbuild/protobuf/wkt";
import type { TransportSocket } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { Filter } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { HttpFilter } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { problem, ruleFor } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

const kinds = {
  "HTTP filter": "envoy.extensions.filters.http.",
  "network filter": "envoy.extensions.filters.network.",
  "listener filter": "envoy.extensions.filters.listener.",
  "transport socket": "envoy.extensions.transport_sockets.",
  "access logger": "envoy.extensions.access_loggers.",
  "part of other messages": "envoy.config.core.",
} as const;

type Kind = keyof typeof kinds;

/** All messages below have this shape. */
type Place = Pick<Filter, "configType"> | Pick<TransportSocket, "configType">;

const missing = (place: Place) => place.configType.case === undefined;

export const extensionRules: RuleTable = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": ruleFor<HttpFilter>((filter) =>
    filter.isOptional ? [] : extensionProblems("HTTP filter", filter),
  ),
  "envoy.config.listener.v3.Filter": ruleFor<Filter>((filter) => extensionProblems("network filter", filter)),
  "envoy.config.listener.v3.ListenerFilter": ruleFor<Filter>((filter) => extensionProblems("listener filter", filter)),
  "envoy.config.core.v3.TransportSocket": ruleFor<TransportSocket>((socket) =>
    extensionProblems("transport socket", socket),
  ),
  "envoy.config.accesslog.v3.AccessLog": ruleFor<TransportSocket>((log) => extensionProblems("access logger", log)),
};

function extensionProblems(wanted: Kind, place: Place): readonly EnvoyProblem[] {
  if (missing(place)) {
    const hint = "Envoy finds an extension by the `@type` of its config, not by its name";
    return [problem("missing-key", ["typed_config"], { message: "needs `typed_config`", hint })];
  }
  if (place.configType.case !== "typedConfig") return [];
  const type = typeOf(place.configType.value);
  const found = kindOf(type);
  if (found === undefined || found === wanted) return [];
  const message = `${type} is a ${found}, and a ${wanted} is wanted here`.replaceAll("a access", "an access");
  return [problem("wrong-extension", ["typed_config", "@type"], { message })];
}

/** The full message name of what is in an `Any`. */
export function typeOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
}

function kindOf(type: string): Kind | undefined {
  return (Object.keys(kinds) as Kind[]).find((kind) => type.startsWith(kinds[kind]));
}
