/**
 * Warnings about gRPC that is sent to a service of HTTP/1, where no call can succeed: gRPC needs HTTP/2.
 *
 * A rule is known to carry gRPC when it matches nothing else, or makes gRPC of its requests itself. What the policies of
 * a gateway or route say may be meant for others of its rules.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { FilterPartName } from "../model/filter-parts.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { Service } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";
import { ruleFilters } from "./effective-filters.ts";
import { envoyRouteName } from "./names.ts";

/** Parts that make gRPC of requests. */
const makingGrpc: ReadonlySet<FilterPartName> = new Set<FilterPartName>(["grpcJson", "grpcWeb"]);

/** One warning for each service of a rule. */
export function lintGrpcRoutes({ routes, services }: Pick<Intent, "routes" | "services">): readonly Diagnostic[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  return routes.flatMap((route) =>
    route.rules.filter((rule) => carriesGrpc(route, rule)).flatMap((rule) => lintRule(route, rule, byName)),
  );
}

function carriesGrpc(route: Route, rule: Rule): boolean {
  if (rule.matches.some(({ grpc }) => grpc !== undefined)) return true;
  return ruleFilters(route, rule).some(({ name, part, from }) => {
    const isOfRule = from.kind === "inline" || from.level === "rule";
    return isOfRule && part.settings !== "none" && makingGrpc.has(name);
  });
}

function lintRule(route: Route, rule: Rule, services: ReadonlyMap<string, Service>): readonly Diagnostic[] {
  const told = new Set<string>();
  return rule.target.backends.flatMap(({ service: name, at }): readonly Diagnostic[] => {
    const service = services.get(name);
    if (service === undefined || (service.protocol ?? "http1") !== "http1" || told.has(name)) return [];
    told.add(name);
    return [
      {
        code: "grpc-wrong-protocol",
        severity: "warning",
        message: `\`${envoyRouteName(route, rule)}\` sends gRPC to \`${name}\`, whose protocol is http1: its calls fail there`,
        at,
        hint: `write \`protocol: grpc\` at the service \`${name}\``,
        related: { at: service.at, message: "the service is here" },
      },
    ];
  });
}
