/**
 * An Envoy resource in JSON → its bytes, version and references; each content once.
 *
 * A build sees all resources, of which a change touches a few. The cache recognises an unchanged one by
 * identity or else, among those of its name, by its JSON, so that it is not encoded, hashed or walked again; it
 * forgets what the last builds did not use, so that it holds no more than what is served and what was before it.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { Result } from "../support/result.ts";
import { ok } from "../support/result.ts";
import { sameContent } from "../support/same-content.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import type { TranslationMemo } from "../translate/translate.ts";
import { createTranslationMemo } from "../translate/translate.ts";
import type { PatchMemo } from "./apply-patches.ts";
import { createAssignmentEncoder } from "./encode-assignment.ts";
import { createClusterMemo, encodeCluster } from "./encode-cluster.ts";
import { encodeContent } from "./encode-content.ts";
import { createHostMemo, encodeHosts } from "./encode-hosts.ts";
import type { GroupBuild } from "./group-build.ts";
import { createReferenceFinder } from "./references.ts";
import type { Resource } from "./resource.ts";
import type { Snapshot } from "./snapshot.ts";

/** Builds that an entry survives unused: two, so that a change that is taken back at once costs nothing. */
const unusedBuildsMax = 2;
/** Contents of one name: what is served, what was before it, and the same at another place or for another group. */
const contentsMax = 8;

/** Encodes resources and remembers them from build to build. */
export interface ResourceEncoder {
  readonly api: EnvoyApi;
  /** What `translate` remembers from build to build; its resources are recognised here by identity. */
  readonly translated: TranslationMemo;
  /** What patches made of resources. */
  readonly patched: PatchMemo;
  /** The same object as before while content and place are the same. */
  encode(resource: EnvoyResource): Result<Resource, readonly Diagnostic[]>;
  /** What groups were built from the last time, by the snapshot that came of it. */
  readonly builds: WeakMap<Snapshot, GroupBuild>;
  /** Ends a build in which everything was encoded: forgets what was not used lately. */
  endBuild(): void;
  /** In builds that encode only what changed, somebody has to say what is gone. */
  forget(typeUrl: string, name: string): void;
  /** How many contents are remembered, and how often one had to be encoded. */
  counts(): { readonly remembered: number; readonly encoded: number };
}

/** One content. */
interface Entry {
  /** What it was encoded from. */
  readonly source: EnvoyResource;
  readonly resource: Resource;
  usedInBuild: number;
}

/** An encoder with an empty cache; keep it for the life of the program. */
export function createResourceEncoder(api: EnvoyApi): ResourceEncoder {
  const tools = { api, references: createReferenceFinder(api) };
  const hosts = createHostMemo();
  const clusters = createClusterMemo();
  const encodeAssignment = createAssignmentEncoder();
  /** By type and name: mostly one, and what was before it. */
  const entries = new Map<string, readonly Entry[]>();
  const byIdentity = new WeakMap<EnvoyResource, Entry>();
  let build = 0;
  let encoded = 0;

  const encodeNew = (
    resource: EnvoyResource,
    before: Resource | undefined,
  ): Result<Resource, readonly Diagnostic[]> => {
    const quickly =
      encodeAssignment(resource) ??
      encodeCluster(resource, tools, clusters) ??
      encodeHosts(resource, tools, hosts, before);
    return quickly === undefined ? encodeContent(resource, tools) : ok(quickly);
  };

  /** The entry of this content, made if it is new; another place makes an entry that shares the content. */
  const entryOf = (resource: EnvoyResource): Result<Entry, readonly Diagnostic[]> => {
    const { typeUrl, name, at } = resource;
    const key = `${typeUrl} ${name}`;
    const ofName = entries.get(key) ?? [];
    const known = ofName.find(({ source }) => isSentAlike(source, resource) && sameContent(source.json, resource.json));
    if (known !== undefined && samePlace(known.resource.at, at)) return ok(known);
    const result = known === undefined ? encodeNew(resource, ofName[0]?.resource) : ok({ ...known.resource, at });
    if (!result.ok) return result;
    if (known === undefined) encoded += 1;
    const entry: Entry = { source: resource, resource: result.value, usedInBuild: build };
    entries.set(key, [entry, ...ofName.filter((other) => other !== known)].slice(0, contentsMax));
    return ok(entry);
  };

  return {
    api,
    translated: createTranslationMemo(),
    patched: new WeakMap(),
    builds: new WeakMap(),
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
    forget(typeUrl, name) {
      entries.delete(`${typeUrl} ${name}`);
    },
    counts: () => ({ remembered: [...entries.values()].flat().length, encoded }),
  };
}

function isSentAlike(a: EnvoyResource, b: EnvoyResource): boolean {
  return a.ttlMs === b.ttlMs && a.onDemand === b.onDemand;
}

function samePlace(a: Resource["at"], b: Resource["at"]): boolean {
  return a === b || (a.file === b.file && a.line === b.line && a.column === b.column);
}
