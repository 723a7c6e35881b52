/**
 * A Route as gRPC clients read it: fewer words than Envoy's, and some with another meaning.
 *
 * What gRPC would refuse is said in its words or left out; what it takes no notice of is left out, and
 * `lint-grpc-clients.ts` tells. Every gRPC request is a POST without a query to `/package.Service/Method`.
 * https://github.com/grpc/proposal/blob/master/A28-xds-traffic-splitting-and-routing.md
 */
import type { RouteJson, RouteMatchJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Retry } from "../model/intent-policy.ts";
import type { RuleMatch } from "../model/intent-route.ts";
import { duration } from "./duration.ts";
import { effectivePart } from "./effective-policy.ts";
import { envoyRouteName } from "./names.ts";
import { translateRetry } from "./retry-policy.ts";
import type { RouteEntry } from "./route.ts";
import { translateRouteMatch } from "./route-match.ts";
import { translateTarget } from "./weighted-clusters.ts";

/** The failures that gRPC tries again; of Envoy's other words it takes no notice. */
export const grpcRetryWords: ReadonlySet<string> = new Set([
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

/** One route, or none for a match that no gRPC request can meet. */
export function translateGrpcRoute({ route, rule, match }: RouteEntry, gateway: Gateway): readonly RouteJson[] {
  if (!canMatch(match)) return [];
  const named = { name: envoyRouteName(route, rule), match: translateMatch(match) };
  // No request may fall through to the next rule: without an action it fails.
  if (rule.redirect !== undefined || rule.respond !== undefined) return [{ ...named, nonForwardingAction: {} }];
  const timeouts = effectivePart("timeouts", gateway, route, rule)?.value;
  const requestMs = timeouts?.requestMs ?? 0;
  const headerMaxMs = timeouts?.grpcTimeoutHeaderMaxMs;
  const retryPolicy = translateRetry(retryOfGrpc(effectivePart("retry", gateway, route, rule)?.value), undefined);
  return [
    {
      ...named,
      route: {
        ...translateTarget(rule.target),
        // Without a limit of its own a request has the deadline that the client gave it.
        ...(headerMaxMs === undefined
          ? requestMs === 0
            ? {}
            : { maxStreamDuration: { maxStreamDuration: duration(requestMs) } }
          : { maxStreamDuration: { grpcTimeoutHeaderMax: duration(headerMaxMs) } }),
        ...(retryPolicy === undefined ? {} : { retryPolicy }),
      },
    },
  ];
}

/** Whether any gRPC request can meet the match. */
export function canMatch({ method, queryParams }: RuleMatch): boolean {
  return (method ?? "POST") === "POST" && queryParams.every(({ value }) => value.kind === "absent");
}

/** With only the words that gRPC knows; undefined when none is left. */
function retryOfGrpc(retry: Retry | undefined): Retry | undefined {
  const on = retry?.on.filter((word) => grpcRetryWords.has(word)) ?? [];
  if (retry === undefined || on.length === 0) return undefined;
  const { at, attempts, backoff } = retry;
  return { at, attempts, on, avoidTriedHosts: false, ...(backoff === undefined ? {} : { backoff }) };
}

/** The method is known, and gRPC has no word for Envoy's prefix of whole path elements. */
function translateMatch({ at, path, headers }: RuleMatch): RouteMatchJson {
  const match = { at, headers, queryParams: [] };
  if (path.kind !== "prefix") return translateRouteMatch({ ...match, path });
  const stem = path.path.replace(/\/+$/, "");
  // `/package.Service/Method` is a whole path, which nothing can follow.
  const isWhole = stem.split("/").length === 3;
  if (isWhole) return translateRouteMatch({ ...match, path: { kind: "exact", path: stem } });
  return { ...translateRouteMatch({ ...match, path: { kind: "prefix", path: "/" } }), prefix: `${stem}/` };
}
