/**
 * Why no listener takes the connection of a request: each of those that come near, and what it wants instead.
 */
import { isIP } from "node:net";
import type { FilterChainJson } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { AskedRequest } from "./asked-request.ts";
import type { ListenerMiss } from "./explanation.ts";
import { addressText, isTls, listenersOnPort } from "./match-listener.ts";
import type { Origins } from "./origins.ts";
import type { Located, ResourceLookup } from "./resource-lookup.ts";

/** Whoever looks for a mistake wants the nearest, not a whole fleet of gateways. */
const LISTENERS_SHOWN_MAX = 8;

/** A sentence, and the listeners on the port that is asked for; without any, those on other ports. */
export function missedListeners(
  { lookup, origins }: { readonly lookup: ResourceLookup; readonly origins: Origins },
  asked: AskedRequest,
): { readonly because: string; readonly missed: readonly ListenerMiss[] } {
  const all = lookup.all<ListenerJson>(typeUrls.listener);
  if (all.length === 0) return { because: "the snapshot has no listener", missed: [] };
  const onPort = listenersOnPort(all, asked);
  const near = (onPort.length > 0 ? onPort : all).flatMap((listener) => missesOf(listener, asked, origins));
  // What takes HTTP/3 too is there twice.
  const missed = [...new Map(near.map((miss) => [`${miss.name} ${miss.address} ${miss.because}`, miss])).values()];
  const wanted = `${asked.scheme}${asked.port === undefined ? "" : ` on port ${asked.port}`}`;
  return {
    because: `no listener takes ${wanted} for ${asked.hostname}`,
    missed: missed.slice(0, LISTENERS_SHOWN_MAX),
  };
}

/** HTTPS listeners of one port are chains of one resource, each with the name of its listener. */
function missesOf(listener: Located<ListenerJson>, asked: AskedRequest, origins: Origins): readonly ListenerMiss[] {
  const { json } = listener;
  const address = addressText(json.address);
  const isOnPort = listenersOnPort([listener], asked).length > 0;
  const chains = json.filterChains ?? (json.defaultFilterChain === undefined ? [] : [json.defaultFilterChain]);
  return chains.map((chain) => {
    const at = origins.listener(chain.name ?? "");
    const named = at === undefined ? { name: listener.name, at: listener.at } : { name: chain.name ?? "", at };
    return { ...named, address, because: isOnPort ? whyNot(chain, asked) : "it is on another port" };
  });
}

function whyNot(chain: FilterChainJson, { scheme, hostname }: AskedRequest): string {
  if (isTls(chain) && scheme === "http") return "it speaks TLS only; ask for https://";
  if (!isTls(chain) && scheme === "https") return "it does not speak TLS; ask for http://";
  const names = chain.filterChainMatch?.serverNames ?? [];
  if (names.length === 0) return "the connection does not match its filter chain";
  const none = isIP(hostname) === 0 ? "" : ", and for an IP address clients send no server name";
  return `its server ${names.length === 1 ? "name is" : "names are"} ${names.join(", ")}${none}`;
}
