/**
 * Warnings about rules of high priority whose requests no limit of the config counts.
 *
 * Envoy counts each priority by itself. A service that limits its requests and says nothing of those of high
 * priority has Envoy's own limits for them (1024 requests at a time), beside its own.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { CircuitBreaker, Service } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";
import type { Backend } from "../model/intent-route.ts";
import { clusterName, envoyRouteName } from "./names.ts";

/** Each block of limits is told once, with the first rule. */
export function lintPriorities({ routes, services }: Pick<Intent, "routes" | "services">): readonly Diagnostic[] {
  const rules = routes.flatMap((route) =>
    route.rules.flatMap((rule) => (rule.priority === "high" ? [{ route, rule }] : [])),
  );
  if (rules.length === 0) return [];
  const byName = new Map(services.map((service) => [service.name, service]));
  const found = new Map<string, Diagnostic>();
  for (const { route, rule } of rules) {
    for (const backend of rule.target.backends) {
      const breaker = breakerOf(byName.get(backend.service), backend);
      if (breaker === undefined || breaker.high !== undefined) continue;
      const { file, line, column } = breaker.at;
      const key = `${file}:${line}:${column}`;
      if (found.has(key)) continue;
      found.set(key, {
        code: "high-priority-unlimited",
        severity: "warning",
        message: `\`${envoyRouteName(route, rule)}\` sends requests of high priority to \`${clusterName(backend.service, backend.subset)}\`, whose limits say nothing of them: Envoy's own hold, 1024 requests at a time beside those that are limited here`,
        at: breaker.at,
        hint: "write `high: { maxRequests: … }` in the `circuitBreaker`",
        related: { at: rule.at, message: "the rule with `priority: high`" },
      });
    }
  }
  return [...found.values()];
}

function breakerOf(service: Service | undefined, { subset }: Backend): CircuitBreaker | undefined {
  const policy = subset === undefined ? service?.policy : service?.subsets.find(({ name }) => name === subset)?.policy;
  return policy?.circuitBreaker;
}
