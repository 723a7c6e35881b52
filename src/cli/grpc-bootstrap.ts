/**
 * `fairway bootstrap --grpc`: the file that gRPC's own xDS clients and servers read, named by `GRPC_XDS_BOOTSTRAP`.
 *
 * The same node as in an Envoy's bootstrap, so that node groups match both alike, and where the control plane
 * is. gRPC reads JSON only.
 * https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md
 */
import type { JsonObject } from "./bootstrap-node.ts";
import { bootstrapNode } from "./bootstrap-node.ts";
import type { BootstrapOptions, BootstrapTls } from "./bootstrap-options.ts";

/** The message as an object. gRPC speaks state-of-the-world ADS, whatever the options say of the variant. */
export function createGrpcBootstrap(options: Omit<BootstrapOptions, "admin" | "api">): JsonObject {
  return {
    // The first that answers; gRPC goes back to the one before when it can.
    xds_servers: [options.xds, ...(options.replicas ?? [])].map(({ host, port }) => ({
      server_uri: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
      channel_creds: [options.tls === undefined ? { type: "insecure" } : tlsCredentials(options.tls)],
      server_features: ["xds_v3"],
    })),
    // gRPC in JavaScript takes no node without a locality.
    node: { locality: {}, ...bootstrapNode(options) },
    // What a gRPC server asks for that is configured by xDS; Envoy has no such name, so it cannot clash.
    server_listener_resource_name_template: "grpc/server?xds.resource.listening_address=%s",
  };
}

/** https://github.com/grpc/proposal/blob/master/A65-xds-mtls-creds-in-bootstrap.md */
function tlsCredentials({ caFile, own }: BootstrapTls): JsonObject {
  return {
    type: "tls",
    config: {
      ca_certificate_file: caFile,
      ...(own === undefined ? {} : { certificate_file: own.certFile, private_key_file: own.keyFile }),
    },
  };
}
