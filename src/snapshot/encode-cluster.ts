/**
 * A cluster encoded by the one before it that differs only by name.
 *
 * A message's bytes are those of its fields one after the other, in the order of their numbers, and the name of a
 * cluster has the number 1: so of two clusters that are otherwise the same, the bytes behind the name are. What is wrong
 * with a cluster and what it refers to do not depend on its name either, but for the endpoints, which an EDS cluster asks
 * for by it. Only clusters of that kind are taken here, and only by a pattern that `encodeContent` has found to be right.
 */
import type { JsonValue } from "../model/intent.ts";
import { brand } from "../support/brand.ts";
import { sameContent } from "../support/same-content.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import type { EncodingTools } from "./encode-content.ts";
import { encodeContent, resourceVersion } from "./encode-content.ts";
import type { Reference, Resource, ResourceName, VersionInfo } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

/** What clusters were like, by the text of all but their name; keep it between calls. */
export type ClusterMemo = Map<string, Pattern>;

interface Pattern {
  readonly json: EnvoyResource["json"];
  /** All that comes behind the name. */
  readonly tail: Uint8Array;
  /** To all but the endpoints. */
  readonly before: readonly Reference[];
  readonly after: readonly Reference[];
}

/** Fleets have a handful of policies; where every cluster has its own, patterns are of no use. */
const PATTERNS_MAX = 1_000;

/** Names that are the same in JSON, in UTF-8 and in every reader, with one byte for their length. */
const plainName = /^[A-Za-z0-9._|-]{1,127}$/;

export function createClusterMemo(): ClusterMemo {
  return new Map();
}

/** The same as `encodeContent` gives; undefined when that has to be asked. */
export function encodeCluster(resource: EnvoyResource, tools: EncodingTools, memo: ClusterMemo): Resource | undefined {
  const { typeUrl, name, at, ttlMs, onDemand } = resource;
  if (typeUrl !== typeUrls.cluster || ttlMs !== undefined || !plainName.test(name)) return undefined;
  const { name: named, ...rest } = resource.json;
  if (named !== name || !findsHostsByName(rest)) return undefined;
  const key = JSON.stringify(rest);
  const known = memo.get(key);
  // The text of two that differ can be the same: it has `null` for what is no number.
  if (known === undefined || !sameContent(known.json, rest))
    return firstOfItsKind(resource, { rest, key }, tools, memo);
  const body = withName(name, known.tail);
  return {
    typeUrl,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>(resourceVersion(typeUrl, body, { onDemand })),
    body,
    references: [...known.before, { typeUrl: typeUrls.endpoints, name }, ...known.after],
    at,
    hostCount: 0,
    ...(onDemand === undefined ? {} : { onDemand }),
  };
}

function firstOfItsKind(
  resource: EnvoyResource,
  { rest, key }: { readonly rest: EnvoyResource["json"]; readonly key: string },
  tools: EncodingTools,
  memo: ClusterMemo,
): Resource | undefined {
  const encoded = encodeContent(resource, tools);
  if (!encoded.ok) return undefined;
  const { body, references, name } = encoded.value;
  const own = references.findIndex(({ typeUrl }) => typeUrl === typeUrls.endpoints);
  const isPlain = own !== -1 && references.findLastIndex(({ typeUrl }) => typeUrl === typeUrls.endpoints) === own;
  if (isPlain && references[own]?.name === name) {
    if (memo.size >= PATTERNS_MAX) memo.clear();
    const [before, after] = [references.slice(0, own), references.slice(own + 1)];
    memo.set(key, { json: rest, tail: body.slice(2 + name.length), before, after });
  }
  return encoded.value;
}

/** As `translate` writes it, so that nothing else in it can name the endpoints. */
function findsHostsByName(json: EnvoyResource["json"]): boolean {
  const config: JsonValue | undefined = json["edsClusterConfig"];
  return (
    json["type"] === "EDS" &&
    config !== null &&
    typeof config === "object" &&
    Object.keys(config).length === 1 &&
    Object.hasOwn(config, "edsConfig")
  );
}

/** The field of the name, and what is behind it. */
function withName(name: string, tail: Uint8Array): Uint8Array {
  const body = new Uint8Array(2 + name.length + tail.length);
  body[0] = NAME_TAG;
  body[1] = name.length;
  for (let index = 0; index < name.length; index += 1) body[2 + index] = name.charCodeAt(index);
  body.set(tail, 2 + name.length);
  return body;
}

/** The number 1, with a length. */
const NAME_TAG = 0x0a;
