/**
 * A snapshot for an Envoy that is only asked for its opinion: it opens none of the user's ports and asks no
 * host whether it is healthy.
 *
 * Everything else is as it would be served. Listeners do not bind (a UDP listener must, and takes any free
 * port of the loopback instead); health checks stay and are checked, but switched off for each endpoint;
 * clusters whose hosts come from DNS do not wait for an answer.
 */
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { JsonValue } from "../model/intent.ts";
import { assert } from "../support/assert.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { createSnapshot, createTable } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";

/** Nothing is in use, so nothing has to be kept; what waits for a refused resource goes on soon. */
const updates = { graceMs: 0, deadlineMs: 500, onDeadline: "proceed", drainMs: 0 } as const;

type JsonMap = { readonly [key: string]: JsonValue };

const copies: Readonly<Record<string, (json: JsonMap) => JsonMap>> = {
  [typeUrls.listener]: unbound,
  [typeUrls.cluster]: quiet,
  [typeUrls.endpoints]: unchecked,
};

/** The same names and places with contents that touch nothing. */
export function inertCopy(snapshot: Snapshot, api: EnvoyApi): Snapshot {
  const tables = new Map(snapshot.tables);
  for (const [typeUrl, change] of Object.entries(copies)) {
    const resources = [...(snapshot.tables.get(typeUrl)?.resources.values() ?? [])];
    tables.set(
      typeUrl,
      createTable(
        typeUrl,
        resources.map((resource) => changed(resource, change, api)),
      ),
    );
  }
  return createSnapshot(snapshot.group, tables, { updates, cause: snapshot.cause });
}

function changed(resource: Resource, change: (json: JsonMap) => JsonMap, api: EnvoyApi): Resource {
  const encoded = api.encode(resource.typeUrl, change(api.toJson(resource.typeUrl, resource.body) as JsonMap));
  assert(encoded.ok, "a resource that was encoded can be encoded with other values");
  return { ...resource, body: encoded.value.bytes };
}

function unbound(listener: JsonMap): JsonMap {
  const socket = (listener["address"] as JsonMap | undefined)?.["socketAddress"] as JsonMap | undefined;
  if (socket?.["protocol"] !== "UDP") return { ...listener, bindToPort: false };
  const free = { address: { socketAddress: { protocol: "UDP", address: "127.0.0.1", portValue: 0 } } };
  return { ...listener, ...free, additionalAddresses: [] };
}

function quiet(cluster: JsonMap): JsonMap {
  const assignment = cluster["loadAssignment"] as JsonMap | undefined;
  const byName = cluster["type"] === "STRICT_DNS" || cluster["type"] === "LOGICAL_DNS" || "clusterType" in cluster;
  return {
    ...cluster,
    ...(assignment === undefined ? {} : { loadAssignment: unchecked(assignment) }),
    ...(byName ? { waitForWarmOnInit: false } : {}),
  };
}

function unchecked(assignment: JsonMap): JsonMap {
  const localities = (assignment["endpoints"] ?? []) as readonly JsonMap[];
  return {
    ...assignment,
    endpoints: localities.map((locality) => ({
      ...locality,
      ...("lbEndpoints" in locality
        ? { lbEndpoints: (locality["lbEndpoints"] as readonly JsonMap[]).map(withoutCheck) }
        : {}),
    })),
  };
}

function withoutCheck(item: JsonMap): JsonMap {
  const endpoint = item["endpoint"] as JsonMap | undefined;
  if (endpoint === undefined) return item;
  const config = (endpoint["healthCheckConfig"] ?? {}) as JsonMap;
  return { ...item, endpoint: { ...endpoint, healthCheckConfig: { ...config, disableActiveHealthCheck: true } } };
}
