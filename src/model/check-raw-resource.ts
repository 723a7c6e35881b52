/**
 * Whether a raw resource is what its `@type` says.
 *
 * The Envoy API stops at the first mistake and names only the innermost message, so when it refuses, the
 * JSON is walked along the descriptors and each field is tried alone: every mistake is found, with its own
 * place. That costs a decode per field, and only for resources that are wrong.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { assert } from "../support/assert.ts";
import { closestName } from "./closest-name.ts";
import { deliveredNouns, deliveredTypes } from "./delivered-types.ts";
import type { EnvoyApi } from "./envoy-api.ts";
import { problemSentence } from "./envoy-problem.ts";
import { examineMessage } from "./examine-message.ts";
import type { JsonValue } from "./intent.ts";
import type { Path, Problem } from "./position.ts";

type JsonMap = { readonly [key: string]: JsonValue };

const TYPE_PREFIX = "type.googleapis.com/";

/** The problems of one item of `resources` that fits its schema; each has a way out, if only Envoy's own page. */
export function checkRawResource(api: EnvoyApi, path: Path, resource: JsonMap): readonly Problem[] {
  const typeUrl = resource["@type"];
  const type = typeof typeUrl === "string" ? api.descriptor(typeUrl) : undefined;
  const page = type === undefined ? undefined : envoyPage(type);
  return findProblems(api, path, resource).map((problem) =>
    problem.hint === undefined && page !== undefined ? { ...problem, hint: `see ${page}` } : problem,
  );
}

/** Where Envoy documents the file of a message; private types have no page. */
export function envoyPage(type: DescMessage): string | undefined {
  const file = type.file.name;
  if (!file.startsWith("envoy/")) return undefined;
  return `https://www.envoyproxy.io/docs/envoy/latest/api-v3/${file.slice("envoy/".length)}.proto`;
}

function findProblems(api: EnvoyApi, path: Path, resource: JsonMap): readonly Problem[] {
  const typeUrl = resource["@type"];
  assert(typeof typeUrl === "string", "the schema has checked @type");
  const descriptor = api.descriptor(typeUrl);
  if (descriptor === undefined) return [unknownType(api, typeUrl, [...path, "@type"])];
  const nameField = deliveredTypes[descriptor.typeName];
  if (nameField === undefined) {
    const message = `xDS does not deliver resources of type ${descriptor.typeName}`;
    const hint = `it delivers ${deliveredNouns.join(", ")}`;
    return [{ code: "unsupported-resource-type", message, hint, path: [...path, "@type"], at: "value" }];
  }
  const problems: Problem[] = [];
  if (!typeUrl.startsWith(TYPE_PREFIX)) {
    const message = `"${typeUrl}" is not a type URL`;
    const hint = `write ${TYPE_PREFIX}${descriptor.typeName}`;
    problems.push({ code: "invalid-value", message, hint, path: [...path, "@type"], at: "value" });
  }
  const message = rawMessage(resource);
  const encoded = api.encode(typeUrl, message);
  if (!encoded.ok) return [...problems, ...explainRefused(api, descriptor, path, message)];
  const isNamed = rawResourceName(descriptor.typeName, resource) !== undefined;
  for (const problem of examineMessage(api, descriptor, encoded.value.message)) {
    // That the name is missing is told below, in words of its own.
    if (!isNamed && problem.path.length === 1 && problem.path[0] === nameField) continue;
    problems.push({ ...problem, message: problemSentence(problem), path: [...path, ...problem.path], at: "value" });
  }
  if (!isNamed) {
    const text = `a ${descriptor.name} needs \`${nameField}\``;
    problems.push({
      code: "missing-key",
      message: text,
      hint: "xDS delivers resources by name",
      path: [...path, nameField],
      at: "key",
    });
  }
  return problems;
}

/** The name by which xDS delivers a raw resource. */
export function rawResourceName(typeName: string, resource: JsonMap): string | undefined {
  const field = deliveredTypes[typeName.slice(typeName.lastIndexOf("/") + 1)];
  const value = field === "cluster_name" ? (resource["cluster_name"] ?? resource["clusterName"]) : resource["name"];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The resource without Fairway's own keys. */
export function rawMessage(resource: JsonMap): JsonMap {
  const message: { [key: string]: JsonValue } = Object.create(null);
  for (const [key, value] of Object.entries(resource)) if (key !== "nodes" && key !== "ttl") message[key] = value;
  return message;
}

/** All mistakes in a message that the API has refused, at paths that start with `path`; at least one. */
export function explainRefused(
  api: EnvoyApi,
  descriptor: DescMessage,
  path: Path,
  message: JsonMap,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(message)) {
    if (key === "@type") continue;
    const field = descriptor.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
    problems.push(
      ...(field === undefined
        ? [unknownField(descriptor, [...path, key])]
        : explainField(api, descriptor, field, { key, value, path: [...path, key] })),
    );
  }
  if (problems.length > 0) return problems;
  // Every field alone is right: two of them exclude each other.
  return refusal(api, descriptor, path, message);
}

function explainField(
  api: EnvoyApi,
  descriptor: DescMessage,
  field: DescField,
  entry: { readonly key: string; readonly value: JsonValue; readonly path: Path },
): readonly Problem[] {
  const { key, value, path } = entry;
  const alone = refusal(api, descriptor, path, { [key]: value });
  if (alone.length === 0) return [];
  const inner = field.message;
  if (inner === undefined)
    return field.enum === undefined ? alone : alone.map((problem) => withEnumHint(problem, field, value));
  const parts: readonly (readonly [Path, JsonValue])[] =
    field.fieldKind === "list" && Array.isArray(value)
      ? value.map((item: JsonValue, index) => [[...path, index], item] as const)
      : field.fieldKind === "map" && isMap(value)
        ? Object.entries(value).map(([mapKey, item]) => [[...path, mapKey], item] as const)
        : field.fieldKind === "message"
          ? [[path, value]]
          : [];
  const problems = parts.flatMap(([place, part]) => explainMessage(api, inner, place, part));
  return problems.length > 0 ? problems : alone;
}

function withEnumHint(problem: Problem, field: DescField, value: JsonValue): Problem {
  const words = field.enum?.values.map((word) => word.name) ?? [];
  const near = typeof value === "string" ? closestName(value, words) : undefined;
  return {
    ...problem,
    hint: near === undefined ? `allowed: ${words.slice(0, 20).join(", ")}` : `did you mean ${near}?`,
  };
}

function explainMessage(api: EnvoyApi, descriptor: DescMessage, path: Path, value: JsonValue): readonly Problem[] {
  if (!isMap(value)) return refusal(api, descriptor, path, value);
  if (descriptor.typeName === "google.protobuf.Any") return explainAny(api, path, value);
  if (descriptor.typeName.startsWith("google.protobuf.")) return refusal(api, descriptor, path, value);
  const alone = refusal(api, descriptor, path, value);
  return alone.length === 0 ? [] : explainRefused(api, descriptor, path, value);
}

function explainAny(api: EnvoyApi, path: Path, value: JsonMap): readonly Problem[] {
  const typeUrl = value["@type"];
  if (typeof typeUrl !== "string") {
    if (Object.keys(value).length === 0) return [];
    const hint = `write "@type": ${TYPE_PREFIX}…`;
    return [
      {
        code: "invalid-envoy-resource",
        message: "a typed config needs `@type`",
        hint,
        path: [...path, "@type"],
        at: "key",
      },
    ];
  }
  const descriptor = api.descriptor(typeUrl);
  if (descriptor === undefined) return [unknownType(api, typeUrl, [...path, "@type"])];
  if (descriptor.typeName.startsWith("google.protobuf.")) return refusal(api, descriptor, path, value["value"] ?? null);
  return explainMessage(api, descriptor, path, rawBody(value));
}

function rawBody(value: JsonMap): JsonMap {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== "@type"));
}

function refusal(api: EnvoyApi, descriptor: DescMessage, path: Path, value: JsonValue): readonly Problem[] {
  const encoded = api.encode(TYPE_PREFIX + descriptor.typeName, value);
  if (encoded.ok) return [];
  const message = encoded.error.message.replace(/\s+/g, " ").slice(0, 300);
  const isDuration = descriptor.typeName === "google.protobuf.Duration" || message.includes("google.protobuf.Duration");
  const number = written(value);
  const hint = isDuration && typeof number === "number" ? { hint: `write "${number}s"` } : {};
  return [{ code: "invalid-envoy-resource", message, ...hint, path, at: "value" }];
}

/** The value itself, or that of the one field that is tried alone. */
function written(value: JsonValue): JsonValue | undefined {
  return isMap(value) ? Object.values(value)[0] : value;
}

function unknownField(descriptor: DescMessage, path: Path): Problem {
  const key = String(path.at(-1));
  const near = closestName(
    key,
    descriptor.fields.map((field) => field.name),
  );
  const message = `${descriptor.typeName} has no field \`${key}\``;
  const hint = near === undefined ? {} : { hint: `did you mean \`${near}\`?` };
  return { code: "invalid-envoy-resource", message, ...hint, path, at: "key" };
}

function unknownType(api: EnvoyApi, typeUrl: string, path: Path): Problem {
  const wanted = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
  const shortName = wanted.slice(wanted.lastIndexOf(".") + 1);
  let sameName: string | undefined;
  for (const type of api.registry) {
    if (type.kind !== "message" || type.name !== shortName) continue;
    if (sameName === undefined || type.typeName.includes(".v3.")) sameName = type.typeName;
  }
  const near = sameName ?? closestName(wanted, Object.keys(deliveredTypes));
  const hint = near === undefined ? {} : { hint: `did you mean ${TYPE_PREFIX}${near}?` };
  return { code: "unknown-envoy-type", message: `the Envoy API has no type ${typeUrl}`, ...hint, path, at: "value" };
}

function isMap(value: JsonValue): value is JsonMap {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
