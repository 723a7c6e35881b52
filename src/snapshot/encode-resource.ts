/**
 * An Envoy resource in JSON → its bytes, version and references; each content once.
 *
 * A build sees all resources, of which a change touches a few. The cache recognises an unchanged one by
 * its JSON text, so that it is not encoded, hashed or walked again; it forgets what the last builds did
 * not use, so that it holds no more than what is served and what was before it.
 */
import type { Message } from "@bufbuild/protobuf";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { brand } from "../support/brand.ts";
import { contentHash } from "../support/hash.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import { createReferenceFinder } from "./references.ts";
import type { Resource, ResourceName, VersionInfo } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

/** Builds that an entry survives unused: two, so that a change that is taken back at once costs nothing. */
const unusedBuildsMax = 2;

/** Encodes resources and remembers them from build to build. */
export interface ResourceEncoder {
  readonly api: EnvoyApi;
  /** The same object as before while content and place are the same. */
  encode(resource: EnvoyResource): Result<Resource, Diagnostic>;
  /** Ends a build: forgets what was not used lately. */
  endBuild(): void;
  /** How many contents are remembered, and how often one had to be encoded. */
  counts(): { readonly remembered: number; readonly encoded: number };
}

interface Entry {
  resource: Resource;
  usedInBuild: number;
}

/** An encoder with an empty cache; keep it for the life of the program. */
export function createResourceEncoder(api: EnvoyApi): ResourceEncoder {
  const references = createReferenceFinder(api);
  const entries = new Map<string, Entry>();
  let build = 0;
  let encoded = 0;

  const encodeNew = (resource: EnvoyResource): Result<Resource, Diagnostic> => {
    const { typeUrl, name, json, at } = resource;
    const result = api.encode(typeUrl, json);
    if (!result.ok) {
      const code = result.error.kind === "unknown-type" ? "unknown-envoy-type" : "invalid-envoy-resource";
      const message = `${typeUrl.slice(typeUrl.lastIndexOf(".") + 1)} "${name}": ${result.error.message}`;
      return err({ code, severity: "error", message, at });
    }
    encoded += 1;
    const { message, bytes } = result.value;
    return ok({
      typeUrl,
      name: brand<ResourceName>(name),
      version: brand<VersionInfo>(resourceVersion(typeUrl, bytes)),
      body: bytes,
      references: references.find(typeUrl, message),
      at,
      hostCount: typeUrl === typeUrls.endpoints ? countHosts(message) : 0,
    });
  };

  return {
    api,
    encode(resource) {
      const key = JSON.stringify([resource.typeUrl, resource.name, resource.json]);
      const entry = entries.get(key);
      if (entry === undefined) {
        const result = encodeNew(resource);
        if (result.ok) entries.set(key, { resource: result.value, usedInBuild: build });
        return result;
      }
      entry.usedInBuild = build;
      if (!samePlace(entry.resource.at, resource.at)) entry.resource = { ...entry.resource, at: resource.at };
      return ok(entry.resource);
    },
    endBuild() {
      build += 1;
      for (const [key, entry] of entries) {
        if (build - entry.usedInBuild > unusedBuildsMax) entries.delete(key);
      }
    },
    counts: () => ({ remembered: entries.size, encoded }),
  };
}

/** The version of a resource: equal bytes, equal version, on every replica. */
export function resourceVersion(typeUrl: string, body: Uint8Array): string {
  return contentHash([typeUrl, body]);
}

function samePlace(a: Resource["at"], b: Resource["at"]): boolean {
  return a === b || (a.file === b.file && a.line === b.line && a.column === b.column);
}

/** Hosts of a load assignment, whatever their health. */
function countHosts(message: Message): number {
  const { endpoints } = message as unknown as ClusterLoadAssignment;
  return endpoints.reduce((sum, locality) => sum + locality.lbEndpoints.length, 0);
}
