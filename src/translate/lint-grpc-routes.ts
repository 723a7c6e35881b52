/**
 * Warnings about gRPC that is sent to a service of HTTP/1, where no call can succeed: gRPC needs HTTP/2.
 *
 * A rule is known to carry gRPC when it matches nothing else, or makes gRPC of its requests itself. What the policies of
 * a route say may be meant for some of its rules only, and is certain when no other could have been meant; what those of a
 * gateway say may be meant for other routes.
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
  return routes.flatMap((route) => {
    const byPolicy = meantByPolicy(route, byName);
    return route.rules
      .filter((rule) => carriesGrpc(route, rule) || byPolicy.has(rule))
      .flatMap((rule) => lintRule(route, rule, byName));
  });
}

/** The rules that the route's own policies are meant for: the only one, or all when none of them leads to HTTP/2. */
function meantByPolicy(route: Route, services: ReadonlyMap<string, Service>): ReadonlySet<Rule> {
  const rules = route.rules.filter(
    (rule) => rule.target.backends.length > 0 && makesGrpc(route, rule, (level) => level === "route"),
  );
  const isSpoken = ({ target }: Rule): boolean =>
    target.backends.some(({ service }) => !isHttp1(services.get(service)));
  return new Set(rules.length > 1 && rules.some(isSpoken) ? [] : rules);
}

/** What is not known speaks anything. */
function isHttp1(service: Service | undefined): service is Service {
  return service !== undefined && (service.protocol ?? "http1") === "http1";
}

function carriesGrpc(route: Route, rule: Rule): boolean {
  if (rule.matches.some(({ grpc }) => grpc !== undefined)) return true;
  return makesGrpc(route, rule, (level) => level === "rule");
}

/** Whether a part that is written there makes gRPC of the rule's requests. */
function makesGrpc(route: Route, rule: Rule, isThere: (level: "rule" | "route" | "gateway") => boolean): boolean {
  return ruleFilters(route, rule).some(
    ({ name, part, from }) =>
      isThere(from.kind === "inline" ? "rule" : from.level) && part.settings !== "none" && makingGrpc.has(name),
  );
}

function lintRule(route: Route, rule: Rule, services: ReadonlyMap<string, Service>): readonly Diagnostic[] {
  const told = new Set<string>();
  return rule.target.backends.flatMap(({ service: name, at }): readonly Diagnostic[] => {
    const service = services.get(name);
    if (!isHttp1(service) || told.has(name)) return [];
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
