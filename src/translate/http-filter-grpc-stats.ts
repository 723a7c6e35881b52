/**
 * Statistics of gRPC calls: envoy.filters.http.grpc_stats.
 */
import type { FilterConfigJson } from "../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.d.ts";
import type { GrpcStats } from "../model/filter-grpc-stats.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

export const grpcStatsFilter = httpFilter({
  name: "envoy.filters.http.grpc_stats",
  part: "grpcStats",
  chain: {
    one: "each",
    config: (stats) => packAny("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", translateStats(stats)),
  },
});

/** What is counted one by one is always said: for want of it Envoys have had different defaults. */
function translateStats({ methods, allMethods, upstreamTimes }: GrpcStats): FilterConfigJson {
  return {
    ...(methods.length === 0
      ? { statsForAllMethods: allMethods }
      : {
          individualMethodStatsAllowlist: {
            services: methods.map(({ service, names }) => ({ name: service, methodNames: names })),
          },
        }),
    ...(upstreamTimes ? { enableUpstreamStats: true } : {}),
  };
}
