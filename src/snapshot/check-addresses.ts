/**
 * Whether two listeners of a snapshot claim one address, whoever wrote them: gateways, raw resources, patches.
 *
 * Envoy refuses the second one, even when neither binds to its port. A port of TCP and one of UDP are two
 * addresses; so are 0.0.0.0 and 127.0.0.1, which share a port unless `enable_reuse_port` is off, and that
 * case is left to the kernel. `test/envoy/addresses.test.ts` holds this against a real Envoy.
 */
import type { Address } from "../gen/envoy/config/core/v3/address_pb.d.ts";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { comparePlaces } from "../model/merge-documents.ts";
import type { Resource } from "./resource.ts";
import type { TypeTable } from "./snapshot.ts";

/** By the bytes of a listener, which stay from build to build. */
const known = new WeakMap<Uint8Array, readonly string[]>();

/** One diagnostic for each listener that has an address of another, at the place of the later one. */
export function checkAddresses(listeners: TypeTable | undefined, api: EnvoyApi): readonly Diagnostic[] {
  const taken = new Map<string, Resource>();
  const found: Diagnostic[] = [];
  const inOrder = [...(listeners?.resources.values() ?? [])].sort((a, b) => comparePlaces(a.at, b.at));
  for (const listener of inOrder) {
    const addresses = addressesOf(listener, api);
    const claimed = addresses.find((address) => taken.has(address));
    const first = claimed === undefined ? undefined : taken.get(claimed);
    if (claimed !== undefined && first !== undefined) found.push(conflict(listener, first, claimed));
    for (const address of addresses) if (!taken.has(address)) taken.set(address, listener);
  }
  return found;
}

/** What the listener claims, each address once and as people would write it. */
function addressesOf({ typeUrl, body }: Resource, api: EnvoyApi): readonly string[] {
  const before = known.get(body);
  if (before !== undefined) return before;
  const listener = api.decode(typeUrl, body) as unknown as Listener;
  const all = [listener.address, ...listener.additionalAddresses.map(({ address }) => address)];
  // Envoy never opens what an API listener names.
  const texts = listener.apiListener === undefined ? all.flatMap((address) => addressText(address) ?? []) : [];
  const addresses = [...new Set(texts)];
  known.set(body, addresses);
  return addresses;
}

/** Equal for equal addresses; undefined for what cannot clash. */
function addressText(address: Address | undefined): string | undefined {
  if (address?.address.case === "pipe") return address.address.value.path;
  if (address?.address.case !== "socketAddress") return undefined;
  const socket = address.address.value;
  // With port 0 the kernel chooses; names of ports need a resolver, which nobody here knows.
  if (socket.portSpecifier.case !== "portValue" || socket.portSpecifier.value === 0) return undefined;
  const protocol: number = socket.protocol;
  const kind = protocol === UDP ? "UDP port" : "port";
  const space = socket.networkNamespaceFilepath === "" ? "" : ` in ${socket.networkNamespaceFilepath}`;
  return `${canonical(socket.address)} ${kind} ${socket.portSpecifier.value}${space}`;
}

/** `SocketAddress.Protocol.UDP`. */
const UDP = 1;

/** The one spelling of an IPv6 address; any other text as it is. */
function canonical(address: string): string {
  if (!address.includes(":")) return address;
  const url = URL.parse(`http://[${address}]`);
  return url === null ? address : url.hostname.slice(1, -1);
}

function conflict(listener: Resource, first: Resource, address: string): Diagnostic {
  return {
    code: "conflicting-address",
    severity: "error",
    message: `the listener "${listener.name}" uses ${address}, as the listener "${first.name}" does; Envoy takes only one of them`,
    at: listener.at,
    hint: "choose another port or address, or give them to different node groups",
    related: { at: first.at, message: `first used by "${first.name}"` },
  };
}
