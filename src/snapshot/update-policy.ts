/**
 * How changes of a group are rolled in, with every default written out.
 */
import type { Gateway } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { Intent, NodeGroup } from "../model/intent.ts";
import { defaultRequestTimeoutMs } from "../translate/route-action.ts";
import { effectivePart } from "../translate/effective-policy.ts";
import { gatewaysOf, routesOn } from "../translate/group-scope.ts";
import type { UpdatePolicy } from "./snapshot.ts";

/** Longer than most requests; a filter may hold one on its old route for as long as the request may take. */
const graceMs = 30_000;
/** Envoy warms a new cluster for at most 15 s (`initial_fetch_timeout`): one that has not answered by then will not. */
const deadlineMs = 15_000;
/** Envoy's default of `--drain-time-s`. */
const drainMs = 600_000;

/** What the group says wins; the default grace covers the longest request that its routes allow. */
export function updatePolicy(group: NodeGroup, intent: Intent): UpdatePolicy {
  return {
    graceMs: group.updates.graceMs ?? Math.max(graceMs, longestRequestMs(group, intent)),
    deadlineMs: group.updates.deadlineMs ?? deadlineMs,
    onDeadline: group.updates.onDeadline ?? "hold",
    drainMs: groupDrainMs(group, intent) ?? drainMs,
  };
}

/** The longest drain time that a gateway of the group names, or undefined: one Envoy has one, for all its listeners. */
export function groupDrainMs(group: NodeGroup, intent: Intent): number | undefined {
  const named = gatewaysOf(group, intent).flatMap(({ drain }) => (drain === undefined ? [] : [drain.timeMs]));
  return named.length === 0 ? undefined : Math.max(...named);
}

/** A request without a limit (0) cannot be waited for. */
function longestRequestMs(group: NodeGroup, intent: Intent): number {
  let longestMs = 0;
  for (const gateway of gatewaysOf(group, intent)) {
    const known = longestByGateway.get(gateway) ?? new WeakMap<Route, number>();
    longestByGateway.set(gateway, known);
    for (const route of routesOn(gateway, intent.routes)) {
      const ofRouteMs = known.get(route) ?? longestOfRouteMs(gateway, route);
      if (!known.has(route)) known.set(route, ofRouteMs);
      longestMs = Math.max(longestMs, ofRouteMs);
    }
  }
  return longestMs;
}

/** Both stay the same objects as long as they say the same. */
const longestByGateway = new WeakMap<Gateway, WeakMap<Route, number>>();

function longestOfRouteMs(gateway: Gateway, route: Route): number {
  const timesMs = route.rules.map((rule) => {
    const { requestMs = defaultRequestTimeoutMs } = effectivePart("timeouts", gateway, route, rule)?.value ?? {};
    return requestMs;
  });
  return Math.max(0, ...timesMs);
}
