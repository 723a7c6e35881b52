/**
 * The whole Envoy API by reflection over its pinned descriptor set.
 *
 * Content enters as proto3 JSON and leaves as bytes, through @bufbuild/protobuf only: the JSON of ts-proto
 * and protobufjs drops an `Any` silently. `createEnvoyApi` takes the uncompressed FileDescriptorSet and is
 * pure; reading the file is the caller's work.
 */
import { create, createFileRegistry, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { DescMessage, FileRegistry, JsonValue as ProtoJsonValue, Message } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { JsonValue } from "./intent.ts";
import type { DescriptorSet } from "./private-types.ts";
import { addPrivateTypes } from "./private-types.ts";

/** Why a JSON value is not the message it claims to be. */
export interface EnvoyApiProblem {
  readonly kind: "unknown-type" | "invalid";
  readonly message: string;
}

/** A message in both forms. */
export interface EncodedMessage {
  readonly message: Message;
  readonly bytes: Uint8Array;
}

/** The Envoy API, loaded. */
export interface EnvoyApi {
  readonly registry: FileRegistry;
  /** The descriptor of `type.googleapis.com/<message>`, or undefined when the API has no such type. */
  descriptor(typeUrl: string): DescMessage | undefined;
  /** proto3 JSON (lowerCamelCase or snake_case, `Any` by `@type`) → deterministic bytes. A top-level `@type` is ignored. */
  encode(typeUrl: string, json: JsonValue): Result<EncodedMessage, EnvoyApiProblem>;
  decode(typeUrl: string, bytes: Uint8Array): Message;
  /** Bytes → proto3 JSON in lowerCamelCase; throws only when the bytes are not of this type. */
  toJson(typeUrl: string, bytes: Uint8Array): JsonValue;
}

/** Loads the API from the bytes of a FileDescriptorSet; about 0.25 s. */
export function createEnvoyApi(descriptorSet: Uint8Array): EnvoyApi {
  return apiOf(createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet)));
}

/** The API and private types beside it, or a sentence for each thing that is wrong with the sets. */
export function createEnlargedApi(
  descriptorSet: Uint8Array,
  sets: readonly DescriptorSet[],
): Result<EnvoyApi, readonly string[]> {
  const files = addPrivateTypes(fromBinary(FileDescriptorSetSchema, descriptorSet).file, sets);
  if (!files.ok) return files;
  try {
    return ok(apiOf(createFileRegistry(create(FileDescriptorSetSchema, { file: [...files.value] }))));
  } catch (cause) {
    return err([cause instanceof Error ? cause.message : String(cause)]);
  }
}

function apiOf(registry: FileRegistry): EnvoyApi {
  const descriptor = (typeUrl: string) => registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  const known = (typeUrl: string): DescMessage => {
    const found = descriptor(typeUrl);
    if (found === undefined) throw new Error(`assertion failed: ${typeUrl} is not in the Envoy API`);
    return found;
  };
  return {
    registry,
    descriptor,
    encode(typeUrl, json) {
      const schema = descriptor(typeUrl);
      if (schema === undefined) {
        return err({ kind: "unknown-type", message: `the Envoy API has no type ${typeUrl}` });
      }
      try {
        const message = fromJson(schema, canonical(json, true), { registry });
        return ok({ message, bytes: toBinary(schema, message) });
      } catch (cause) {
        return err({ kind: "invalid", message: cause instanceof Error ? cause.message : String(cause) });
      }
    },
    decode: (typeUrl, bytes) => fromBinary(known(typeUrl), bytes),
    toJson: (typeUrl, bytes) => {
      const schema = known(typeUrl);
      return toJson(schema, fromBinary(schema, bytes), { registry });
    },
  };
}

/**
 * The same JSON with all keys sorted: protobuf maps are written in the order of the JSON, and the bytes of
 * equal content must be equal on every replica.
 */
function canonical(json: JsonValue, dropType: boolean): ProtoJsonValue {
  if (Array.isArray(json)) return json.map((item: JsonValue) => canonical(item, false));
  if (json === null || typeof json !== "object") return json;
  const source = json as { readonly [key: string]: JsonValue };
  // Objects without a prototype would be safe from this key, and cost twice as much.
  if (Object.hasOwn(source, "__proto__")) throw new Error("the key __proto__ is reserved");
  const sorted: { [key: string]: ProtoJsonValue } = {};
  for (const key of Object.keys(source).sort()) {
    if (dropType && key === "@type") continue;
    sorted[key] = canonical(source[key] as JsonValue, false);
  }
  return sorted;
}
