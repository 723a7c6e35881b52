/**
 * One Envoy resource in JSON → its bytes, version and references, or what is wrong with it.
 */
import type { Message } from "@bufbuild/protobuf";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { examineMessage } from "../model/examine-message.ts";
import { formatPath } from "../model/position.ts";
import { present } from "../support/assert.ts";
import { brand } from "../support/brand.ts";
import { contentHash } from "../support/hash.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import type { ReferenceFinder } from "./references.ts";
import type { Resource, ResourceName, VersionInfo } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

/** What encoding needs. */
export interface EncodingTools {
  readonly api: EnvoyApi;
  readonly references: ReferenceFinder;
}

/** Encodes, examines and searches the whole resource. */
export function encodeContent(
  resource: EnvoyResource,
  { api, references }: EncodingTools,
): Result<Resource, readonly Diagnostic[]> {
  const { typeUrl, name, json, at, ttlMs, onDemand } = resource;
  const title = `${typeUrl.slice(typeUrl.lastIndexOf(".") + 1)} "${name}"`;
  const result = api.encode(typeUrl, json);
  if (!result.ok) {
    const code = result.error.kind === "unknown-type" ? "unknown-envoy-type" : "invalid-envoy-resource";
    return err([{ code, severity: "error", message: `${title}: ${result.error.message}`, at }]);
  }
  const { message, bytes } = result.value;
  const type = present(api.descriptor(typeUrl), "it has just been encoded");
  const problems = examineMessage(api, type, message).map(({ path, ...problem }): Diagnostic => {
    const field = path.length === 0 ? "" : ` ${formatPath(path)}`;
    return { ...problem, severity: "error", message: `${title}:${field} ${problem.message}`, at };
  });
  if (problems.length > 0) return err(problems);
  return ok({
    typeUrl,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>(resourceVersion(typeUrl, bytes, { ttlMs, onDemand })),
    body: bytes,
    references: references.find(typeUrl, message),
    at,
    hostCount: countHosts(typeUrl, message),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(onDemand === undefined ? {} : { onDemand }),
  });
}

/** The version of a resource: equal bytes that are sent alike, equal version, on every replica. */
export function resourceVersion(
  typeUrl: string,
  body: Uint8Array,
  { ttlMs, onDemand }: { readonly ttlMs?: number | undefined; readonly onDemand?: true | undefined } = {},
): string {
  const sent = [...(ttlMs === undefined ? [] : [`ttl ${ttlMs}`]), ...(onDemand === undefined ? [] : ["on demand"])];
  return contentHash([typeUrl, body, ...sent]);
}

/** Hosts of a load assignment, whatever their health; virtual hosts of a route configuration. */
function countHosts(typeUrl: string, message: Message): number {
  if (typeUrl === typeUrls.route) {
    const { virtualHosts, vhds } = message as unknown as RouteConfiguration;
    // Its hosts come from elsewhere, one by one.
    return virtualHosts.length + (vhds === undefined ? 0 : 1);
  }
  if (typeUrl !== typeUrls.endpoints) return 0;
  const { endpoints } = message as unknown as ClusterLoadAssignment;
  return endpoints.reduce((sum, locality) => sum + locality.lbEndpoints.length, 0);
}
