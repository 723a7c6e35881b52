/**
 * Warnings about limits that are to change live, and that no Envoy would hear of.
 *
 * They go into the runtime layer of a group, and a group has one only when it says that its Envoys have it.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { CircuitBreaker, Service } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";

/** Told once for each block that somebody wrote. */
export function lintLiveLimits({ groups, services }: Intent): readonly Diagnostic[] {
  if (groups.some(({ runtime }) => runtime !== undefined)) return [];
  const found = new Map<string, Diagnostic>();
  const [first] = groups;
  for (const { at } of services.flatMap(breakersOf).filter(isLive)) {
    found.set(`${at.file}:${at.line}:${at.column}`, {
      code: "live-limit-unheard",
      severity: "warning",
      message:
        "`live` limits go into the runtime layer of a group of nodes, and no group has one: Envoys keep the limits beside them",
      at,
      hint: `start the Envoys with \`fairway bootstrap --runtime\`, and write \`nodes: { ${first?.name ?? "default"}: { runtime: {} } }\``,
    });
  }
  return [...found.values()];
}

function breakersOf({ policy, subsets }: Service): readonly CircuitBreaker[] {
  return [policy, ...subsets.map((subset) => subset.policy)].flatMap(({ circuitBreaker }) => circuitBreaker ?? []);
}

function isLive({ live, high }: CircuitBreaker): boolean {
  return live !== undefined || high?.live !== undefined;
}
