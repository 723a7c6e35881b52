/**
 * What must not be shown: the fields that Envoy's API marks as sensitive.
 *
 * Envoy's own `config_dump` hides the same fields, by the annotation `udpa.annotations.sensitive`: private
 * keys, passwords, tokens, the content of generic secrets. Of these every text becomes `[redacted]`; where
 * one is only named (a file, a variable of the environment), the name stays.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { getOption } from "@bufbuild/protobuf";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { JsonValue } from "../model/intent.ts";
import { present } from "../support/assert.ts";

const redacted = "[redacted]";
/** Fields of a `DataSource` that say where the secret is and not what it is. */
const whereabouts: ReadonlySet<string> = new Set(["filename", "environment_variable", "watched_directory"]);
/** Holds content that is not marked, since most of it is public: certificates, Lua code. Inside a Secret none of it is shown. */
const secretType = "envoy.extensions.transport_sockets.tls.v3.Secret";
const inlineFields: ReadonlySet<string> = new Set(["inline_bytes", "inline_string"]);

/** proto3 JSON in snake_case → the same without secrets; for the JSON of a message of the given type. */
export type Redactor = (type: DescMessage, json: JsonValue) => JsonValue;

/** A redactor over an Envoy API. */
export function createRedactor(api: EnvoyApi): Redactor {
  const sensitive = present(
    api.registry.getExtension("udpa.annotations.sensitive"),
    "Envoy's descriptors import their own annotations",
  );

  const redactField = (field: DescField, value: JsonValue, inSecret: boolean): JsonValue => {
    if (getOption(field, sensitive) === true) return hideTexts(value);
    if (inSecret && inlineFields.has(field.name)) return redacted;
    const { message } = field;
    if (message === undefined) return value;
    if (field.fieldKind === "list") return (value as readonly JsonValue[]).map((item) => walk(message, item, inSecret));
    if (field.fieldKind === "map") return mapValues(value, (_, item) => walk(message, item, inSecret));
    return walk(message, value, inSecret);
  };

  const walk = (type: DescMessage, json: JsonValue, inSecret: boolean): JsonValue => {
    if (json === null || typeof json !== "object" || Array.isArray(json)) return json;
    const typeUrl = (json as { readonly [key: string]: JsonValue })["@type"];
    const actual = typeof typeUrl === "string" ? api.descriptor(typeUrl) : type;
    if (actual === undefined) return json;
    const inner = inSecret || actual.typeName === secretType;
    const fields = new Map(actual.fields.map((field) => [field.name, field]));
    return mapValues(json, (name, value) => {
      const field = fields.get(name);
      return field === undefined ? value : redactField(field, value, inner);
    });
  };

  return (type, json) => walk(type, json, false);
}

function hideTexts(json: JsonValue): JsonValue {
  if (typeof json === "string") return redacted;
  if (Array.isArray(json)) return json.map(hideTexts);
  if (json === null || typeof json !== "object") return json;
  return mapValues(json, (key, value) => (key === "@type" || whereabouts.has(key) ? value : hideTexts(value)));
}

function mapValues(json: JsonValue, change: (key: string, value: JsonValue) => JsonValue): JsonValue {
  return Object.fromEntries(
    Object.entries(json as object).map(([key, value]) => [key, change(key, value as JsonValue)]),
  );
}
