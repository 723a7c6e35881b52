/**
 * How copies that a rollout wants are tried again: as the requests are that they are copies of, so that what is compared
 * is the last answer of both.
 *
 * The policy of a route is not one of its copies. Envoy takes one for them from the cluster that they go to, since 1.37
 * (envoy#42077); an older one does not know the field, and leaves it out. A cluster has one, so it has none where rules of
 * the split do not agree.
 */
import type { RetryPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import { sameContent } from "../support/same-content.ts";
import { effectivePart } from "./effective-policy.ts";
import { routesOn } from "./group-scope.ts";
import { mirrorClusterName } from "./names.ts";
import { translateRetry } from "./retry-policy.ts";

/** By the name of the cluster for copies; absent where they are not tried again. */
export type CopyRetries = ReadonlyMap<string, RetryPolicyJson>;

/** Of the gateways of a group; looks at all of their rules. */
export function copyRetries(gateways: readonly Gateway[], routes: readonly Route[]): CopyRetries {
  const found = new Map<string, RetryPolicyJson | undefined>();
  for (const gateway of gateways) {
    for (const route of routesOn(gateway, routes)) {
      for (const rule of route.rules) {
        const { mirror } = rule.target;
        if (mirror === undefined || rule.connect !== undefined) continue;
        const name = mirrorClusterName(mirror.service, mirror.subset);
        const retry = effectivePart("retry", gateway, route, rule)?.value;
        const policy = translateRetry(retry, effectivePart("timeouts", gateway, route, rule)?.value);
        const agrees = !found.has(name) || sameContent(found.get(name), policy);
        found.set(name, agrees ? policy : undefined);
      }
    }
  }
  return new Map([...found].flatMap(([name, policy]) => (policy === undefined ? [] : [[name, policy]])));
}
