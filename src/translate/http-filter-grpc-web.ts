/**
 * gRPC-Web of browsers to gRPC: envoy.filters.http.grpc_web.
 */
import type { GrpcWebJson } from "../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.d.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

export const grpcWebFilter = httpFilter({
  name: "envoy.filters.http.grpc_web",
  part: "grpcWeb",
  chain: {
    one: "for all",
    config: packAny("envoy.extensions.filters.http.grpc_web.v3.GrpcWeb", {} satisfies GrpcWebJson),
  },
});
