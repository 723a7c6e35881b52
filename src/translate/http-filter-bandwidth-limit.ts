/**
 * Bodies that flow no faster than they may: envoy.filters.http.bandwidth_limit, one for each direction.
 *
 * A filter of Envoy's has one limit for both directions, so that two limits need two of them. What a route says has a
 * bucket of its own; what is said for a whole gateway has one for each listener.
 */
import type {
  BandwidthLimitJson,
  BandwidthLimit_EnableModeJson,
} from "../gen/envoy/extensions/filters/http/bandwidth_limit/v3/bandwidth_limit_pb.d.ts";
import type { BandwidthLimit, FlowLimit } from "../model/filter-bandwidth-limit.ts";
import { duration } from "./duration.ts";
import type { HttpFilterKind } from "./http-filter.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const message = "envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit";

/** In the order in which they stand in a chain. */
export const bandwidthFilters: readonly HttpFilterKind<"bandwidthLimit">[] = [
  bandwidthFilter("request", "REQUEST"),
  bandwidthFilter("response", "RESPONSE"),
];

function bandwidthFilter(
  direction: "request" | "response",
  enableMode: BandwidthLimit_EnableModeJson,
): HttpFilterKind<"bandwidthLimit"> {
  const statPrefix = direction;
  return httpFilter({
    name: `envoy.filters.http.bandwidth_limit.${direction}`,
    part: "bandwidthLimit",
    chain: { one: "for all", config: packAny(message, { statPrefix } satisfies BandwidthLimitJson) },
    route: (settings) => {
      const limit = settings[direction];
      return limit === undefined
        ? undefined
        : packAny(message, { statPrefix, enableMode, ...flow(limit), ...trailers(settings, direction) });
    },
  });
}

function flow({ limitKibps, fillIntervalMs }: FlowLimit): BandwidthLimitJson {
  return { limitKbps: String(limitKibps), fillInterval: duration(fillIntervalMs) };
}

function trailers({ response }: BandwidthLimit, direction: "request" | "response"): BandwidthLimitJson {
  return direction === "response" && response?.trailers === true ? { enableResponseTrailers: true } : {};
}
