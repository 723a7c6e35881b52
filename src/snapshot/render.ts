/**
 * A snapshot as text that people and Envoy read: one file for each type.
 *
 * Each is a DiscoveryResponse as Envoy's file subscriptions take it (`version_info` and `resources` with
 * their `@type`), in Envoy's snake_case. Secrets are shown as `[redacted]`, so a rendered Secret is for
 * people only.
 */
import { toJson } from "@bufbuild/protobuf";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { protoDuration } from "../model/duration.ts";
import type { JsonValue } from "../model/intent.ts";
import { present } from "../support/assert.ts";
import type { Redactor } from "./redact.ts";
import { createRedactor } from "./redact.ts";
import type { Resource } from "./resource.ts";
import type { Snapshot, TypeTable } from "./snapshot.ts";
import { resourceType, typeUrls } from "./type-url.ts";
import { yamlText } from "./yaml-text.ts";

/** How the text is written. */
export type RenderFormat = "yaml" | "json";

const WRAPPER = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/** File name (`clusters.yaml`) → text, for every type that has resources. */
export function renderSnapshot(snapshot: Snapshot, api: EnvoyApi, format: RenderFormat): ReadonlyMap<string, string> {
  const redact = createRedactor(api);
  const files = new Map<string, string>();
  for (const table of snapshot.tables.values()) {
    if (table.resources.size === 0) continue;
    const { plural } = present(resourceType(table.typeUrl), "a snapshot has tables of xDS types only");
    const json = renderTable(table, api, redact);
    files.set(`${plural}.${format}`, format === "yaml" ? yamlText(json) : `${JSON.stringify(json, undefined, 2)}\n`);
  }
  return files;
}

/** One resource in snake_case proto3 JSON, led by its `@type`, without secrets. */
export function renderResource(resource: Resource, api: EnvoyApi, redact: Redactor = createRedactor(api)): JsonValue {
  const type = present(api.descriptor(resource.typeUrl), "a resource was encoded with its descriptor");
  const message = api.decode(resource.typeUrl, resource.body);
  const json = toJson(type, message, { registry: api.registry, useProtoFieldName: true }) as JsonValue;
  return leading({ "@type": resource.typeUrl, ...(redact(type, json) as object) });
}

/** Whether the resource is a secret, or holds in the open what the redactor would hide. */
export function holdsSecrets(resource: Resource, api: EnvoyApi, redact: Redactor = createRedactor(api)): boolean {
  if (resource.typeUrl === typeUrls.secret) return true;
  const type = present(api.descriptor(resource.typeUrl), "a resource was encoded with its descriptor");
  const message = api.decode(resource.typeUrl, resource.body);
  const json = toJson(type, message, { registry: api.registry, useProtoFieldName: true }) as JsonValue;
  return JSON.stringify(redact(type, json)) !== JSON.stringify(json);
}

/** Keys in the order of the message's field numbers, but what a thing is and what it is called come first. */
function leading(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(leading);
  if (json === null || typeof json !== "object") return json;
  const fields = Object.entries(json as object).map(([key, value]): [string, JsonValue] => [
    key,
    leading(value as JsonValue),
  ]);
  return Object.fromEntries(fields.toSorted(([a], [b]) => rank(a) - rank(b)));
}

function rank(key: string): number {
  return key === "@type" ? 0 : key === "name" ? 1 : 2;
}

function renderTable(table: TypeTable, api: EnvoyApi, redact: Redactor): JsonValue {
  return {
    version_info: table.version,
    resources: [...table.resources.values()].map((resource) => renderEntry(resource, api, redact)),
  };
}

/** With a TTL it is in a wrapper that says so, as on a SotW stream. */
function renderEntry(resource: Resource, api: EnvoyApi, redact: Redactor): JsonValue {
  const rendered = renderResource(resource, api, redact);
  const { name, ttlMs } = resource;
  if (ttlMs === undefined) return rendered;
  return { "@type": WRAPPER, name, ttl: protoDuration(ttlMs), resource: rendered };
}
