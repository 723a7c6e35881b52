/**
 * What a change of an Envoy listener does to the connections that are open on it.
 *
 * When nothing but filter chains differs, Envoy keeps the listener and its sockets, and drains the connections of the
 * chains that are no longer there as they were; otherwise it makes a second listener and drains all of the first
 * (`ListenerImpl::supportUpdateFilterChain`, `ListenerMessageUtil::filterChainOnlyChange`). Lists are compared there
 * without regard to their order, and a chain is known by its whole content.
 */
import type { JsonValue } from "../model/intent.ts";
import { sameContent } from "../support/same-content.ts";
import type { Effect } from "./change-effects.ts";
import type { JsonMap } from "./field-changes.ts";
import { addressOf, isMap, itemsOf } from "./field-changes.ts";

/** What has no part in whether the listener can stay. */
const chainFields: ReadonlySet<string> = new Set(["filter_chains", "default_filter_chain", "filter_chain_matcher"]);
/** So many chains are named. */
const CHAINS_MAX = 5;

/** Of a listener that is there before and after. */
export function listenerEffects(before: JsonMap, after: JsonMap): readonly Effect[] {
  if ("api_listener" in after) return [{ kind: "listener-read", weight: "quiet", text: "gRPC clients read it anew" }];
  const [old, now] = [addressesOf(before), addressesOf(after)];
  if (!sharesPortsAlike(before, after)) {
    const text = "Envoy refuses to change `enable_reuse_port` of a listener that it has; give it another name";
    return [{ kind: "listener-refused", weight: "disruptive", text }];
  }
  const left = old.filter((address) => !now.includes(address));
  if (left.length > 0) {
    const text = `moves from ${old.join(", ")} to ${now.join(", ")}: what is open is drained, and ${left.join(", ")} refuses connections`;
    return [{ kind: "listener-moved", weight: "disruptive", text }];
  }
  return canStay(before, after) ? chainEffects(before, after) : [replaced(before)];
}

/** Of one that goes; `heir` is the listener that has its address from now on. */
export function removedListener(listener: JsonMap | undefined, heir: string | undefined): Effect {
  const where = listener === undefined ? [] : addressesOf(listener);
  const address = where.length === 0 ? "" : ` on ${where.join(", ")}`;
  const text =
    heir === undefined
      ? `nobody listens${address} any more; what is open is drained`
      : `what is open is drained; new connections${address} go to \`${heir}\`, and none is refused`;
  return { kind: "listener-removed", weight: "disruptive", text };
}

/** Of one that is new. */
export function addedListener(listener: JsonMap): Effect {
  const text = "api_listener" in listener ? "for gRPC clients" : `listens on ${addressesOf(listener).join(", ")}`;
  return { kind: "listener-added", weight: "quiet", text };
}

/** All that it listens on. */
export function addressesOf(listener: JsonMap): readonly string[] {
  const more = itemsOf(listener["additional_addresses"]).map((each) => (isMap(each) ? each["address"] : undefined));
  return [listener["address"], ...more].map((address) => addressOf(address) ?? "an address of Envoy's own");
}

function replaced(before: JsonMap): Effect {
  const isDatagram = isUdp(before);
  const text = isDatagram
    ? "replaced as a whole: the sessions that are open are drained"
    : "replaced as a whole: every connection that is open on it is drained";
  return { kind: "listener-drained", weight: "disruptive", text };
}

function chainEffects(before: JsonMap, after: JsonMap): readonly Effect[] {
  const [old, now] = [chainsOf(before), chainsOf(after)];
  const drained = old.filter((chain) => !now.some((other) => sameContent(chain, other)));
  if (drained.length === 0) {
    const come = now.length - old.length;
    const what = come > 0 ? `${come} filter chain${come === 1 ? "" : "s"} more, ` : "";
    return [{ kind: "listener-in-place", weight: "quiet", text: `${what}in place: no connection is drained` }];
  }
  const others = old.length - drained.length;
  const rest = others === 0 ? "" : `; those of ${others} other${others === 1 ? "" : "s"} go on`;
  const text = `in place, on the same socket: the connections of ${named(drained)} are drained${rest}`;
  return [{ kind: "filter-chains-drained", weight: "disruptive", text }];
}

function named(chains: readonly JsonValue[]): string {
  const names = chains.flatMap((chain) => {
    const name = isMap(chain) ? chain["name"] : undefined;
    return typeof name === "string" && name !== "" ? [`\`${name}\``] : [];
  });
  const count = `${chains.length} filter chain${chains.length === 1 ? "" : "s"}`;
  if (names.length !== chains.length) return count;
  if (names.length > CHAINS_MAX) return `${count} (${names.slice(0, CHAINS_MAX).join(", ")}, …)`;
  return `the filter chain${names.length === 1 ? "" : "s"} ${names.join(", ")}`;
}

/** The default chain counts as one of them. */
function chainsOf(listener: JsonMap): readonly JsonValue[] {
  const { default_filter_chain: last } = listener;
  return [...itemsOf(listener["filter_chains"]), ...(last === undefined ? [] : [last])];
}

function canStay(before: JsonMap, after: JsonMap): boolean {
  if (isUdp(before) || isUdp(after) || itemsOf(after["filter_chains"]).length === 0) return false;
  if (usesProxyProtocol(before) !== usesProxyProtocol(after)) return false;
  return canonical(withoutChains(before)) === canonical(withoutChains(after));
}

function withoutChains(listener: JsonMap): JsonMap {
  return Object.fromEntries(Object.entries(listener).filter(([key]) => !chainFields.has(key)));
}

function isUdp(listener: JsonMap): boolean {
  const { address } = listener;
  const socket = isMap(address ?? null) ? (address as JsonMap)["socket_address"] : undefined;
  return isMap(socket ?? null) && (socket as JsonMap)["protocol"] === "UDP";
}

/** A field of old, in the first chain. */
function usesProxyProtocol(listener: JsonMap): boolean {
  const [first] = itemsOf(listener["filter_chains"]);
  return first !== undefined && isMap(first) && first["use_proxy_proto"] === true;
}

/** On, unless it is switched off. */
function sharesPortsAlike(before: JsonMap, after: JsonMap): boolean {
  return (before["enable_reuse_port"] ?? true) === (after["enable_reuse_port"] ?? true);
}

/** Equal texts mean equal content, whatever the order of keys and of lists. */
function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(canonical).toSorted().join(",")}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${entries.toSorted().join(",")}}`;
}
