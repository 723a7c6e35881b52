/**
 * What documents that are right alone claim together: an address, or the name of a raw resource, in the same
 * node group.
 */
import type { DocumentParts } from "./build-document.ts";
import type { DraftGateway } from "./build-nodes.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { RawResource } from "./intent.ts";
import { comparePlaces } from "./merge-documents.ts";
import type { YamlDocument } from "./parse-document.ts";
import type { Path } from "./position.ts";
import { locate } from "./position.ts";

/** The address of a listener that names none. */
const ANY_ADDRESS = "0.0.0.0";

/** The conflicts among the documents that have no error of their own. */
export function checkConflicts(parts: readonly DocumentParts[], groupNames: readonly string[]): readonly Diagnostic[] {
  return [...conflictingAddresses(parts, groupNames), ...repeatedRawResources(parts, groupNames)];
}

interface Claim {
  readonly document: YamlDocument;
  readonly gateway: DraftGateway;
  readonly listener: DraftGateway["listeners"][number] | DraftGateway["l4Listeners"][number];
  readonly groups: readonly string[];
}

/** Who has an address of a group: one listener, or those of HTTPS and TLS, told apart by hostnames. */
interface Taken {
  readonly first: Claim;
  readonly byHostname: Map<string, Claim>;
}

/** A group's Envoys can bind an address once; HTTPS listeners share it when the hostname tells them apart. */
function conflictingAddresses(parts: readonly DocumentParts[], groupNames: readonly string[]): readonly Diagnostic[] {
  const claims: readonly Claim[] = parts.flatMap(({ document, gateways }) =>
    gateways.flatMap((gateway) =>
      [...gateway.listeners, ...gateway.l4Listeners].map((listener) => ({
        document,
        gateway,
        listener,
        groups: gateway.groups ?? groupNames,
      })),
    ),
  );
  const taken = new Map<string, Taken>();
  const diagnostics: Diagnostic[] = [];
  for (const claim of claims.toSorted((left, right) => comparePlaces(left.listener.at, right.listener.at))) {
    const clash = claim.groups.flatMap((group) =>
      addressesOf(claim).flatMap((address) => takeAddress(taken, { group, address }, claim) ?? []),
    )[0];
    // The same gateway defined twice has been told as that.
    if (clash !== undefined && !isRedefinition(claim, clash.other)) diagnostics.push(conflict(claim, clash));
  }
  return diagnostics;
}

interface Clash {
  readonly group: string;
  readonly address: string;
  readonly other: Claim;
  /** That both have; undefined when one of them is not HTTPS. */
  readonly hostname: string | undefined;
  /** What must be the same for all of a port and is not. */
  readonly differsIn?: string;
}

/** Takes the address for the claim; says who had it before, unless both can have it. */
function takeAddress(
  taken: Map<string, Taken>,
  site: { readonly group: string; readonly address: string },
  claim: Claim,
): Clash | undefined {
  const { listener } = claim;
  const key = `${site.group} ${site.address}`;
  const hostnames = listener.tls === undefined || isTls(listener) ? [] : (listener.hostnames ?? ["*"]);
  const before = taken.get(key);
  if (before === undefined) {
    taken.set(key, { first: claim, byHostname: new Map(hostnames.map((hostname) => [hostname, claim])) });
    return undefined;
  }
  const { first, byHostname } = before;
  if (!isShared(listener) || !isShared(first.listener)) {
    return { ...site, other: first, hostname: undefined };
  }
  const differsIn = differenceOfSockets(listener, first.listener);
  if (differsIn !== undefined) return { ...site, other: first, hostname: undefined, differsIn };
  const hostname = hostnames.find((each) => byHostname.has(each));
  const other = hostname === undefined ? undefined : byHostname.get(hostname);
  for (const each of hostnames) if (!byHostname.has(each)) byHostname.set(each, claim);
  return other === undefined ? undefined : { ...site, other, hostname };
}

/** What of the one Envoy listener the two want differently. */
function differenceOfSockets(left: Claim["listener"], right: Claim["listener"]): string | undefined {
  if (left.proxyProtocol?.optional !== right.proxyProtocol?.optional) return "proxyProtocol";
  if (left.bindToPort !== right.bindToPort) return "bindToPort";
  const [one, other] = [left.originalDestination, right.originalDestination];
  if (one?.handsOver === other?.handsOver) return undefined;
  return one?.handsOver === true || other?.handsOver === true ? "useOriginalDst" : "originalDestination";
}

/** Whether others may be on the same address. Of listeners of TLS the routes have the hostnames (`check-l4-routes.ts`). */
function isShared(listener: Claim["listener"]): boolean {
  return listener.tls !== undefined || isTls(listener);
}

function isTls(listener: Claim["listener"]): boolean {
  return "protocol" in listener && listener.protocol === "TLS";
}

/** With HTTP/3 there are two, and the ports of TCP and UDP are not the same. */
function addressesOf({ listener }: Claim): readonly string[] {
  const host = listener.address ?? ANY_ADDRESS;
  const udp = `${host} UDP port ${listener.port}`;
  if ("protocol" in listener && listener.protocol === "UDP") return [udp];
  const tcp = `${host} port ${listener.port}`;
  return listener.http3 === undefined ? [tcp] : [tcp, udp];
}

function conflict(claim: Claim, { group, address, other, hostname, differsIn }: Clash): Diagnostic {
  const otherName = `${other.gateway.name}/${other.listener.name}`;
  const what = hostname === undefined ? "" : hostname === "*" ? " for every hostname" : ` for ${hostname}`;
  if (differsIn !== undefined) {
    return {
      code: "conflicting-address",
      severity: "error",
      message: `listeners of group \`${group}\` share ${address} and have not the same \`${differsIn}\``,
      ...locateListener(claim),
      hint: `write the same \`${differsIn}\` for all of them: it comes before anybody knows the hostname`,
      related: { at: other.listener.at, message: `\`${otherName}\` has another` },
    };
  }
  return {
    code: "conflicting-address",
    severity: "error",
    message: `two listeners of group \`${group}\` use ${address}${what}`,
    ...locateListener(claim),
    hint:
      hostname === undefined
        ? "choose another port or address, or put the gateways on different groups with `nodes`"
        : "give each listener `hostnames` of its own, or another port",
    related: { at: other.listener.at, message: `first used by \`${otherName}\`` },
  };
}

function isRedefinition(left: Claim, right: Claim): boolean {
  return left.gateway !== right.gateway && left.gateway.name === right.gateway.name;
}

/** Points at the port of the listener. */
function locateListener({ document, gateway, listener }: Claim): Pick<Diagnostic, "at" | "path" | "source"> {
  const path: Path = [...listenerPath(document, gateway.name, listener.name), "port"];
  const { at, path: text, source } = locate(document, { code: "conflicting-address", message: "", path, at: "value" });
  return { at, ...(text === undefined ? {} : { path: text }), ...(source === undefined ? {} : { source }) };
}

/** Where a document has a listener, found by its name, which is unique in its gateway: drafts are sorted. */
export function listenerPath(document: YamlDocument, gateway: string, listener: string): Path {
  const { gateways } = document.value as {
    readonly gateways: Readonly<Record<string, { readonly listeners: readonly { readonly name: string }[] }>>;
  };
  const index = gateways[gateway]?.listeners.findIndex(({ name }) => name === listener) ?? 0;
  return ["gateways", gateway, "listeners", index];
}

/** A group holds a resource of a type and name once. */
function repeatedRawResources(parts: readonly DocumentParts[], groupNames: readonly string[]): readonly Diagnostic[] {
  const raw = parts.flatMap((part) => part.rawResources.map((item) => ({ ...item, document: part.document })));
  const taken = new Map<string, RawResource>();
  const diagnostics: Diagnostic[] = [];
  for (const { resource, path, document } of raw.toSorted((a, b) => comparePlaces(a.resource.at, b.resource.at))) {
    const keys = (resource.groups ?? groupNames).map((group) => `${group} ${resource.typeUrl} ${resource.name}`);
    const first = keys.map((key) => taken.get(key)).find((other) => other !== undefined);
    for (const key of keys) if (!taken.has(key)) taken.set(key, resource);
    if (first === undefined) continue;
    const message = `there is another raw resource of this type named \`${resource.name}\` in the same node group`;
    const problem = {
      code: "duplicate-name",
      message,
      hint: "rename or remove one of them",
      path,
      at: "value",
    } as const;
    diagnostics.push({ ...locate(document, problem), related: { at: first.at, message: "first defined here" } });
  }
  return diagnostics;
}
