/**
 * An Envoy resource in JSON → its bytes, version and references; each content once.
 *
 * A build sees all resources, of which a change touches a few. The cache recognises an unchanged one by
 * identity or else, among those of its name, by its JSON, so that it is not encoded, hashed or walked again; it
 * forgets what the last builds did not use, so that it holds no more than what is served and what was before it.
 */
import type { Message } from "@bufbuild/protobuf";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { examineMessage } from "../model/examine-message.ts";
import type { JsonValue } from "../model/intent.ts";
import { formatPath } from "../model/position.ts";
import { present } from "../support/assert.ts";
import { brand } from "../support/brand.ts";
import { contentHash } from "../support/hash.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import type { TranslationMemo } from "../translate/translate.ts";
import { createTranslationMemo } from "../translate/translate.ts";
import type { PatchMemo } from "./apply-patches.ts";
import type { ReferenceFinder } from "./references.ts";
import { createReferenceFinder } from "./references.ts";
import type { Resource, ResourceName, VersionInfo } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

/** Builds that an entry survives unused: two, so that a change that is taken back at once costs nothing. */
const unusedBuildsMax = 2;

/** Encodes resources and remembers them from build to build. */
export interface ResourceEncoder {
  readonly api: EnvoyApi;
  /** What `translate` remembers from build to build; its resources are recognised here by identity. */
  readonly translated: TranslationMemo;
  /** What patches made of resources. */
  readonly patched: PatchMemo;
  /** The same object as before while content and place are the same. */
  encode(resource: EnvoyResource): Result<Resource, readonly Diagnostic[]>;
  /** Ends a build: forgets what was not used lately. */
  endBuild(): void;
  /** How many contents are remembered, and how often one had to be encoded. */
  counts(): { readonly remembered: number; readonly encoded: number };
}

/** One content. */
interface Entry {
  readonly json: EnvoyResource["json"];
  readonly resource: Resource;
  usedInBuild: number;
}

/** An encoder with an empty cache; keep it for the life of the program. */
export function createResourceEncoder(api: EnvoyApi): ResourceEncoder {
  const references = createReferenceFinder(api);
  /** By type and name: mostly one, and what was before it. */
  const entries = new Map<string, readonly Entry[]>();
  const byIdentity = new WeakMap<EnvoyResource, Entry>();
  let build = 0;
  let encoded = 0;

  /** The entry of this content, made if it is new; another place makes an entry that shares the content. */
  const entryOf = (resource: EnvoyResource): Result<Entry, readonly Diagnostic[]> => {
    const { typeUrl, name, json, at } = resource;
    const key = `${typeUrl} ${name}`;
    const ofName = entries.get(key) ?? [];
    const known = ofName.find((entry) => sameJson(entry.json, json));
    if (known !== undefined && samePlace(known.resource.at, at)) return ok(known);
    const result = known === undefined ? encodeNew(resource, api, references) : ok({ ...known.resource, at });
    if (!result.ok) return result;
    if (known === undefined) encoded += 1;
    const entry: Entry = { json, resource: result.value, usedInBuild: build };
    entries.set(key, [entry, ...ofName.filter((other) => other !== known)]);
    return ok(entry);
  };

  return {
    api,
    translated: createTranslationMemo(),
    patched: new WeakMap(),
    encode(resource) {
      const known = byIdentity.get(resource);
      const found = known === undefined ? entryOf(resource) : ok(known);
      if (!found.ok) return found;
      byIdentity.set(resource, found.value);
      found.value.usedInBuild = build;
      return ok(found.value.resource);
    },
    endBuild() {
      build += 1;
      const isRecent = (entry: Entry) => build - entry.usedInBuild <= unusedBuildsMax;
      for (const [key, ofName] of entries) {
        if (ofName.every(isRecent)) continue;
        const recent = ofName.filter(isRecent);
        if (recent.length === 0) entries.delete(key);
        else entries.set(key, recent);
      }
    },
    counts: () => ({ remembered: [...entries.values()].flat().length, encoded }),
  };
}

function encodeNew(
  resource: EnvoyResource,
  api: EnvoyApi,
  references: ReferenceFinder,
): Result<Resource, readonly Diagnostic[]> {
  const { typeUrl, name, json, at } = resource;
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
    version: brand<VersionInfo>(resourceVersion(typeUrl, bytes)),
    body: bytes,
    references: references.find(typeUrl, message),
    at,
    hostCount: countHosts(typeUrl, message),
  });
}

/** The version of a resource: equal bytes, equal version, on every replica. */
export function resourceVersion(typeUrl: string, body: Uint8Array): string {
  return contentHash([typeUrl, body]);
}

/** Whatever the order of keys, which has no meaning in the bytes either. */
function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a, b] as [JsonMap, JsonMap];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => sameJson(left[key], right[key]));
}

type JsonMap = { readonly [key: string]: JsonValue };

function samePlace(a: Resource["at"], b: Resource["at"]): boolean {
  return a === b || (a.file === b.file && a.line === b.line && a.column === b.column);
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
