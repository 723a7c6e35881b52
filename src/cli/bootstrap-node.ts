/**
 * Who a node says it is, in the bootstrap of an Envoy and in that of a gRPC client alike.
 */
import type { JsonValue } from "../model/intent.ts";
import type { BootstrapOptions } from "./bootstrap-options.ts";

/** A JSON object: the proto3 JSON form of a message. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Who the node says it is; an Envoy and a gRPC client say it in the same words. */
export function bootstrapNode(
  options: Pick<BootstrapOptions, "nodeId" | "cluster" | "locality" | "metadata">,
): JsonObject {
  const { locality, metadata } = options;
  return {
    id: options.nodeId,
    cluster: options.cluster,
    ...(locality === undefined
      ? {}
      : {
          locality: {
            region: locality.region,
            ...(locality.zone === undefined ? {} : { zone: locality.zone }),
            ...(locality.subZone === undefined ? {} : { sub_zone: locality.subZone }),
          },
        }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
