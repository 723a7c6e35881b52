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
import { canonical, createMapSorter } from "./sorted-maps.ts";

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
  const sortMaps = createMapSorter(registry);
  const encoded = (schema: DescMessage, json: ProtoJsonValue): EncodedMessage => {
    const message = fromJson(schema, json, { registry });
    return { message, bytes: toBinary(schema, message) };
  };
  return {
    registry,
    descriptor,
    encode(typeUrl, json) {
      const schema = descriptor(typeUrl);
      if (schema === undefined) {
        return err({ kind: "unknown-type", message: `the Envoy API has no type ${typeUrl}` });
      }
      const content = withoutType(json);
      try {
        return ok(encoded(schema, sortMaps(schema, content)));
      } catch {
        return err({
          kind: "invalid",
          message: firstProblem(() => encoded(schema, canonical(content as ProtoJsonValue))),
        });
      }
    },
    decode: (typeUrl, bytes) => fromBinary(known(typeUrl), bytes),
    toJson: (typeUrl, bytes) => {
      const schema = known(typeUrl);
      return toJson(schema, fromBinary(schema, bytes), { registry });
    },
  };
}

/** Without the key of the top, which names the type. */
function withoutType(json: JsonValue): JsonValue {
  if (json === null || typeof json !== "object" || !Object.hasOwn(json, "@type")) return json;
  const { "@type": _, ...rest } = json as { readonly [key: string]: JsonValue };
  return rest;
}

/** Of several problems the first in the order of keys is told, whatever the order in which they were written. */
function firstProblem(encode: () => unknown): string {
  try {
    encode();
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
  throw new Error("assertion failed: the order of keys decides whether a message is valid");
}
