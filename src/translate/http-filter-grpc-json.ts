/**
 * HTTP and JSON to gRPC: envoy.filters.http.grpc_json_transcoder.
 *
 * The route that has switched the filter on stays: without `match_incoming_request_route` Envoy would look for another
 * one, for the path and the content type of gRPC.
 */
import type { GrpcJsonTranscoderJson } from "../gen/envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder_pb.d.ts";
import type { GrpcJson } from "../model/filter-grpc-json.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

export const grpcJsonFilter = httpFilter({
  name: "envoy.filters.http.grpc_json_transcoder",
  part: "grpcJson",
  chain: {
    one: "each",
    config: (settings) =>
      packAny("envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder", translate(settings)),
  },
});

function translate(settings: GrpcJson): GrpcJsonTranscoderJson {
  const { descriptorSet, ignoredQueryParameters, print } = settings;
  return {
    // A set that could not be read is an error, and nothing is made of the config.
    protoDescriptorBin: descriptorSet.kind === "read" ? descriptorSet.base64 : "",
    services: settings.services,
    matchIncomingRequestRoute: true,
    ...(settings.convertGrpcStatus ? { convertGrpcStatus: true } : {}),
    ...(settings.autoMapping ? { autoMapping: true } : {}),
    ...(settings.ignoreUnknownQueryParameters ? { ignoreUnknownQueryParameters: true } : {}),
    ...(ignoredQueryParameters.length === 0 ? {} : { ignoredQueryParameters }),
    ...(settings.rejectUnknownMethod ? { requestValidationOptions: { rejectUnknownMethod: true } } : {}),
    ...(Object.keys(print).length === 0 ? {} : { printOptions: print }),
  };
}
