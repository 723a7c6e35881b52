/**
 * Warnings about what gRPC clients refuse, or take no notice of, in what their names lead to.
 *
 * gRPC reads fewer words than Envoy. What is told was read in the code of grpc-go 1.85, gRPC's C-core 1.85 and
 * grpc-js 1.14 and tried with them; nothing is told of services and rules that only Envoys use.
 */
import { socketPath } from "../model/address.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { Service, ServicePolicy } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";
import { effectiveFilters } from "./effective-filters.ts";
import { effectivePart } from "./effective-policy.ts";
import { isAttached } from "./group-scope.ts";
import { routesOfNames } from "./grpc-listener.ts";
import { canMatch, grpcRetryWords } from "./grpc-route.ts";
import { clusterName, envoyRouteName } from "./names.ts";

/** Of the rules that gRPC clients follow and the services that these lead to; each is told once. */
export function lintGrpcClients(intent: Intent): readonly Diagnostic[] {
  const rules = new Map<Rule, Diagnostic | undefined>();
  const reached = new Set<string>();
  for (const gateway of intent.gateways) {
    for (const route of followed(gateway, intent.routes)) {
      for (const rule of route.rules) {
        if (!rules.has(rule)) rules.set(rule, lintRule(gateway, route, rule));
        for (const { service, subset } of rule.target.backends) reached.add(clusterName(service, subset));
      }
    }
  }
  if (rules.size === 0) return [];
  return [...rules.values(), ...intent.services.flatMap((service) => lintService(service, reached))].filter(
    (found) => found !== undefined,
  );
}

/** The routes that are for a name which gRPC clients ask for. */
function followed(gateway: Gateway, routes: readonly Route[]): ReadonlySet<Route> {
  return new Set(
    gateway.grpcListeners.flatMap((listener) => {
      const attached = routes.filter((route) => isAttached(route, gateway, listener));
      return routesOfNames(listener, attached).flatMap(([, ofName]) => ofName);
    }),
  );
}

function lintRule(gateway: Gateway, route: Route, rule: Rule): Diagnostic | undefined {
  const idle = effectivePart("timeouts", gateway, route, rule)?.value;
  const retry = effectivePart("retry", gateway, route, rule)?.value;
  const hasHeaders = (["requestHeaders", "responseHeaders"] as const).some(
    (part) =>
      effectivePart(part, gateway, route, rule) !== undefined ||
      rule.target.backends.some((backend) => backend[part] !== undefined),
  );
  const ignored = [
    ...(rule.matches.some((match) => !canMatch(match))
      ? ["a `method` other than POST, or `queryParams`: no call matches"]
      : []),
    ...(rule.redirect !== undefined || rule.respond !== undefined ? ["an answer of its own: every call fails"] : []),
    ...(rule.priority === "high" ? ["`priority`"] : []),
    ...(rule.connect === undefined ? [] : ["`connect`"]),
    ...(rule.rewrite === undefined ? [] : ["`rewrite`"]),
    ...(rule.mirrors.length === 0 ? [] : ["`mirror`"]),
    ...(hasHeaders ? ["changes of headers"] : []),
    ...effectiveFilters(gateway, route, rule).map(({ name }) => `\`${name}\``),
    ...(idle?.idleMs === undefined ? [] : ["`timeouts.idle`"]),
    ...(idle?.backendRequestMs === undefined ? [] : ["`timeouts.backendRequest`"]),
    ...(retry?.perTryTimeoutMs === undefined ? [] : ["`retry.perTryTimeout`"]),
    ...(retry?.hedges === true ? ["`retry.hedge`"] : []),
    ...(retry?.avoidTriedPriorities === undefined ? [] : ["`retry.avoidTriedPriorities`"]),
    ...(retry?.rateLimitedBackoff === undefined ? [] : ["`retry.rateLimitedBackoff`"]),
    ...(retry?.on.filter((word) => !grpcRetryWords.has(word)) ?? []).map((word) => `\`retry.on: ${word}\``),
  ];
  if (ignored.length === 0) return undefined;
  return {
    code: "grpc-client-ignores",
    severity: "warning",
    message: `gRPC clients do not do what \`${envoyRouteName(route, rule)}\` says of ${ignored.join(", ")}`,
    at: rule.at,
    hint: "write a rule of their own for gRPC clients, on their listener alone",
  };
}

function lintService(service: Service, reached: ReadonlySet<string>): readonly Diagnostic[] {
  const parts = [{ name: undefined, at: service.at, policy: service.policy }, ...service.subsets];
  return parts
    .filter(({ name }) => reached.has(clusterName(service.name, name)))
    .flatMap(({ name, at, policy }) => {
      const cluster = clusterName(service.name, name);
      const refused = refusedBy(service, policy);
      const ignored = ignoredOf(policy);
      return [
        ...refused.map(([what, hint]): Diagnostic => ({
          code: "grpc-client-refuses",
          severity: "warning",
          message: `gRPC clients refuse \`${cluster}\`, and every call to it fails: ${what}`,
          at,
          hint,
        })),
        ...(ignored.length === 0
          ? []
          : [
              {
                code: "grpc-client-ignores",
                severity: "warning",
                message: `gRPC clients take no notice of ${ignored.join(", ")} of \`${cluster}\``,
                at,
                hint: "set it in the client, or silence this where Envoys use the service too",
              } satisfies Diagnostic,
            ]),
      ];
    });
}

function refusedBy(service: Service, policy: ServicePolicy): readonly (readonly [what: string, hint: string])[] {
  const balancer = policy.loadBalancer?.policy;
  const priorities = new Set(service.endpoints.map(({ priority }) => priority ?? 0));
  return [
    ...(balancer === "RANDOM" || balancer === "MAGLEV"
      ? [[`they do not know ${balancer}`, "write ROUND_ROBIN, LEAST_REQUEST or RING_HASH"] as const]
      : []),
    ...(service.dns?.mode === "strict"
      ? [["they do not know DNS of `mode: strict`", "write `mode: logical`, or `endpoints`"] as const]
      : []),
    ...(service.originalDestination === undefined
      ? []
      : [["nothing is redirected to them", "write `endpoints`"] as const]),
    ...(service.endpoints.some(({ host }) => socketPath(host) !== undefined)
      ? [["they take no Unix domain sockets", "write an IP address and a port"] as const]
      : []),
    ...(policy.tls === undefined
      ? []
      : [["they take no TLS by SDS", "remove `tls`, and give the clients xDS credentials of their own"] as const]),
    ...(Math.max(-1, ...priorities) >= priorities.size
      ? [["a priority is left out", "number the priorities from 0 without a gap"] as const]
      : []),
  ];
}

function ignoredOf(policy: ServicePolicy): readonly string[] {
  const breaker = policy.circuitBreaker;
  const ejections = Object.keys(policy.outlierDetection?.fields ?? {}).filter((field) =>
    field.startsWith("consecutive"),
  );
  const balancer = policy.loadBalancer;
  return [
    ...(policy.connection === undefined ? [] : ["`connection`"]),
    ...(policy.healthCheck === undefined ? [] : ["`healthCheck`"]),
    ...(balancer?.hashOn === undefined ? [] : ["`loadBalancer.hashOn`"]),
    ...(balancer?.zoneAware === undefined ? [] : ["`loadBalancer.zoneAware`"]),
    ...(balancer?.slowStart === undefined ? [] : ["`loadBalancer.slowStart`"]),
    ...(["maxConnections", "maxPendingRequests", "maxRetries", "retryBudget", "high", "perEndpoint"] as const)
      .filter((field) => breaker?.[field] !== undefined)
      .map((field) => `\`circuitBreaker.${field}\``),
    ...ejections.map((field) => `\`outlierDetection.${field}\``),
  ];
}
