/**
 * Requests as they come from the wire, turned into demands.
 *
 * Envoy may repeat its 61 kB node in every message of a stream; it is decoded in the first one only and cut
 * out of the bytes of the others before they are decoded.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Node } from "../gen/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../gen/envoy/service/discovery/v3/discovery.ts";
import type { Demand, Variant } from "./stream-state.ts";

/** The field that holds the node in each variant's request. */
const NODE_FIELD = { sotw: 2, delta: 1 } as const;

/** A decoded request. */
export interface DecodedRequest {
  readonly demand: Demand;
  readonly node: Node | undefined;
  /** How many resource names it carries; the caller bounds them. */
  readonly namesCount: number;
}

/** Decodes one message; throws when the bytes are not such a request. */
export function decodeRequest(
  variant: Variant,
  bytes: Uint8Array,
  options: { readonly withNode: boolean },
): DecodedRequest {
  const input = options.withNode ? bytes : withoutField(bytes, NODE_FIELD[variant]);
  return variant === "sotw" ? decodeSotw(input) : decodeDelta(input);
}

function decodeSotw(bytes: Uint8Array): DecodedRequest {
  const request = DiscoveryRequest.decode(bytes);
  return {
    demand: {
      variant: "sotw",
      typeUrl: request.typeUrl,
      names: request.resourceNames,
      versionInfo: request.versionInfo,
      nonce: request.responseNonce,
      error: request.errorDetail === undefined ? undefined : request.errorDetail.message,
    },
    node: request.node,
    namesCount: request.resourceNames.length,
  };
}

function decodeDelta(bytes: Uint8Array): DecodedRequest {
  const request = DeltaDiscoveryRequest.decode(bytes);
  const initialVersions = new Map(Object.entries(request.initialResourceVersions));
  return {
    demand: {
      variant: "delta",
      typeUrl: request.typeUrl,
      subscribe: request.resourceNamesSubscribe,
      unsubscribe: request.resourceNamesUnsubscribe,
      initialVersions,
      nonce: request.responseNonce,
      error: request.errorDetail === undefined ? undefined : request.errorDetail.message,
    },
    node: request.node,
    namesCount: request.resourceNamesSubscribe.length + request.resourceNamesUnsubscribe.length + initialVersions.size,
  };
}

/** The message without one of its top-level fields. */
function withoutField(bytes: Uint8Array, field: number): Uint8Array {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    if (number === field && wireType === WireType.LengthDelimited) {
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(reader.pos)]);
    }
  }
  return bytes;
}
