/**
 * A message of any type inside another, in proto3 JSON: the fields of the message beside its `@type`.
 */
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";

/** `messageType` is the full name of the protobuf message whose JSON is given. */
export function packAny<Json extends object>(messageType: string, json: Json): AnyJson {
  const packed: AnyJson & Json = { "@type": `type.googleapis.com/${messageType}`, ...json };
  return packed;
}
