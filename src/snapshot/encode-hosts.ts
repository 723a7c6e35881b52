/**
 * A route configuration encoded one virtual host at a time, so that an edit of one costs one.
 *
 * A message's bytes are those of its fields one after the other, in the order of their numbers. So each
 * virtual host is encoded in a route configuration that has no other, and its bytes are taken out of there;
 * what is wrong with it and what it refers to are found there as well. Only a domain that two hosts claim
 * shows in no host alone. Whatever is wrong is left to `encodeContent`, which tells it all with its paths.
 */
import type { VirtualHostJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { JsonValue } from "../model/intent.ts";
import { repeatedDomains } from "../model/refusals-route.ts";
import { brand } from "../support/brand.ts";
import { differences } from "../support/differences.ts";
import { sameContent } from "../support/same-content.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import type { EncodingTools } from "./encode-content.ts";
import { encodeContent, resourceVersion } from "./encode-content.ts";
import type { Reference, Resource, VersionInfo } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

/** What was encoded before and was right; keep it between calls. */
export interface HostMemo {
  /** By identity; the JSON is never changed. */
  readonly hosts: WeakMap<object, EncodedHost>;
  /** What each route configuration was put together from. */
  readonly whole: WeakMap<Resource, readonly EncodedHost[]>;
}

export function createHostMemo(): HostMemo {
  return { hosts: new WeakMap(), whole: new WeakMap() };
}

interface EncodedHost {
  /** The route configuration without its hosts. */
  readonly shell: Shell;
  /** The field of the host as it stands in the route configuration. */
  readonly bytes: Uint8Array;
  /** With those of the shell. */
  readonly references: readonly Reference[];
}

/** What is around the hosts. */
interface Shell {
  readonly json: EnvoyResource["json"];
  readonly resource: Resource;
  /** So many bytes come before the hosts. */
  readonly headBytes: number;
}

/** The same as `encodeContent` gives; undefined when that has to be asked. `before` is what the resource was lately. */
export function encodeHosts(
  resource: EnvoyResource,
  tools: EncodingTools,
  memo: HostMemo,
  before?: Resource,
): Resource | undefined {
  if (resource.typeUrl !== typeUrls.route) return undefined;
  const { virtualHosts, ...rest } = resource.json;
  if (!isHostList(virtualHosts) || "virtual_hosts" in rest) return undefined;
  const shell = encodeShell(resource, rest, tools);
  if (shell === undefined) return undefined;
  const hosts: EncodedHost[] = [];
  for (const json of virtualHosts) {
    const known = memo.hosts.get(json);
    const usable = known !== undefined && sameContent(known.shell.json, shell.json);
    const host = usable ? known : encodeHost(resource, { json, shell }, tools);
    if (host === undefined) return undefined;
    memo.hosts.set(json, host);
    hosts.push(host);
  }
  if (repeatedDomains(virtualHosts).length > 0) return undefined;
  const { body: around, hostCount } = shell.resource;
  const body = Buffer.concat([
    around.subarray(0, shell.headBytes),
    ...hosts.map(({ bytes }) => bytes),
    around.subarray(shell.headBytes),
  ]);
  const hostsBefore = before === undefined ? undefined : memo.whole.get(before);
  const references =
    before !== undefined && hostsBefore !== undefined && nameTheSame(hostsBefore, hosts)
      ? before.references
      : distinctReferences([shell.resource, ...hosts].map((part) => part.references));
  const whole = {
    ...shell.resource,
    version: brand<VersionInfo>(resourceVersion(typeUrls.route, body)),
    body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength),
    references,
    hostCount: hostCount + hosts.length,
  };
  memo.whole.set(whole, hosts);
  return whole;
}

/** Whether the hosts that came refer to the same as those that went. */
function nameTheSame(before: readonly EncodedHost[], after: readonly EncodedHost[]): boolean {
  const { gone, come } = differences(before, after);
  const [from, to] = [gone, come].map((hosts) => distinctReferences(hosts.map(({ references }) => references)));
  return sameContent(from, to);
}

function isHostList(value: JsonValue | undefined): value is readonly (JsonValue & object & Host)[] {
  return Array.isArray(value) && value.length > 0 && value.every((host) => typeof host === "object" && host !== null);
}

type Host = { readonly name: string; readonly domains: readonly string[] } & VirtualHostJson;

function encodeShell(resource: EnvoyResource, json: Shell["json"], tools: EncodingTools): Shell | undefined {
  const encoded = encodeContent({ ...resource, json }, tools);
  const name = tools.api.encode(typeUrls.route, json["name"] === undefined ? {} : { name: json["name"] });
  // The name has the number 1, the hosts have 2.
  return encoded.ok && name.ok ? { json, resource: encoded.value, headBytes: name.value.bytes.length } : undefined;
}

function encodeHost(
  resource: EnvoyResource,
  { json, shell }: { readonly json: JsonValue; readonly shell: Shell },
  tools: EncodingTools,
): EncodedHost | undefined {
  const encoded = encodeContent({ ...resource, json: { ...shell.json, virtualHosts: [json] } }, tools);
  if (!encoded.ok) return undefined;
  const { body, references } = encoded.value;
  const tailBytes = shell.resource.body.length - shell.headBytes;
  // A copy, so that the rest of the message can go.
  return { shell, bytes: body.slice(shell.headBytes, body.length - tailBytes), references };
}

function distinctReferences(lists: readonly (readonly Reference[])[]): readonly Reference[] {
  const found = new Map<string, Reference>();
  for (const list of lists)
    for (const reference of list) found.set(`${reference.typeUrl} ${reference.name}`, reference);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, reference]) => reference);
}
