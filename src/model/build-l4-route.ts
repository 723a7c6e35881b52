/**
 * From checked `tcpRoutes`, `tlsRoutes` and `udpRoutes` entries to routes of the intent, splits still by name.
 */
import type { DraftRule } from "./build-route.ts";
import { durationMs } from "./duration.ts";
import type { L4Kind, L4Route } from "./intent-l4-route.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { L4RouteValue } from "./schema-l4-route.ts";
import { defined } from "./sort.ts";

/** A route whose gateways may still mean "all", and whose split is a name. */
export interface DraftL4Route extends Omit<L4Route, "gateways" | "target"> {
  readonly gateways?: readonly string[];
  readonly target: DraftRule["target"];
}

/** Builds one route. */
export function buildL4Route(
  kind: L4Kind,
  { document, path }: { readonly document: SourceDocument; readonly path: Path },
  value: L4RouteValue,
): DraftL4Route {
  const { idle, maxConnectionDuration } = value.timeouts ?? {};
  const at = (...below: Path) => placeOf(document, [...path, ...below], "value");
  return {
    kind,
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    ...(value.gateways === undefined ? {} : { gateways: [...new Set(value.gateways)].toSorted() }),
    hostnames: [...new Set((value.hostnames ?? ["*"]).map((hostname) => hostname.toLowerCase()))].toSorted(),
    target: {
      ...(value.split === undefined ? {} : { split: { name: value.split, at: at("split") } }),
      backends: (value.backends ?? []).map(({ service, subset, weight = 1 }, index) => ({
        at: at("backends", index),
        service,
        ...defined({ subset }),
        weight,
      })),
    },
    ...(idle === undefined ? {} : { idleMs: durationMs(idle) }),
    ...(maxConnectionDuration === undefined ? {} : { maxConnectionDurationMs: durationMs(maxConnectionDuration) }),
    ...defined({ maxConnectAttempts: value.maxConnectAttempts }),
  };
}
