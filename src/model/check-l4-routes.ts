/**
 * Whether each connection of a TCP or TLS listener has one place to go, and routes stand on listeners of their kind.
 *
 * A TCP or UDP listener takes one route. On a port that TLS and HTTPS listeners share, each hostname belongs to one
 * route of TLS or one HTTPS listener: Envoy chooses by it before it knows anything else.
 */
import type { DocumentParts } from "./build-document.ts";
import type { DraftL4Route } from "./build-l4-route.ts";
import type { DraftGateway } from "./build-nodes.ts";
import type { Diagnostic, Place } from "./diagnostic.ts";
import type { GatewayListener } from "./intent-gateway.ts";
import type { L4Kind } from "./intent-l4-route.ts";
import { kindOf, l4RoutesOn } from "./l4-attachments.ts";
import type { YamlDocument } from "./parse-document.ts";
import { locate } from "./position.ts";

/** What is written under which key, and what it needs. */
const words: Readonly<Record<L4Kind | "http", { readonly section: string; readonly protocols: string }>> = {
  http: { section: "routes", protocols: "HTTP, HTTPS or GRPC_XDS" },
  tcp: { section: "tcpRoutes", protocols: "TCP" },
  tls: { section: "tlsRoutes", protocols: "TLS" },
  udp: { section: "udpRoutes", protocols: "UDP" },
};

/** A route with its document. */
type Located = DraftL4Route & { readonly document: YamlDocument };

/** The problems of routes of TCP and TLS, and of those that name a listener of another kind. */
export function checkL4Routes(parts: readonly DocumentParts[], groupNames: readonly string[]): readonly Diagnostic[] {
  const gateways = parts.flatMap((part) => part.gateways);
  const routes = parts.flatMap(({ document, l4Routes }) => l4Routes.map((route): Located => ({ ...route, document })));
  if (routes.length === 0 && gateways.every(({ l4Listeners }) => l4Listeners.length === 0)) return [];
  return [...wrongListeners(parts, gateways), ...conflicts(gateways, routes, groupNames)];
}

function wrongListeners(parts: readonly DocumentParts[], gateways: readonly DraftGateway[]): readonly Diagnostic[] {
  const kinds = new Map<string, ReadonlySet<string>>();
  for (const { name, listeners, grpcListeners, l4Listeners } of gateways) {
    const all = [
      ...[...listeners, ...grpcListeners].map((listener) => [listener.name, "http"] as const),
      ...l4Listeners.map((listener) => [listener.name, kindOf(listener)] as const),
    ];
    for (const [listener, kind] of all) kinds.set(`${name}/${listener}`, new Set([kind]));
    kinds.set(name, new Set(all.map(([, kind]) => kind)));
  }
  return parts.flatMap(({ document, routes, l4Routes }) =>
    [...routes.map((route) => ({ ...route, kind: "http" as const })), ...l4Routes].flatMap(
      ({ kind, name, gateways: named }) =>
        (named ?? []).flatMap((reference) => {
          const found = kinds.get(reference);
          if (found === undefined || found.has(kind)) return [];
          const { section, protocols } = words[kind];
          const [other = "http"] = found;
          const what = reference.includes("/") ? "is no listener" : "has no listener";
          const problem = {
            code: "invalid-value",
            message: `\`${reference}\` ${what} of ${protocols}, which routes under \`${section}\` are for`,
            hint: `name another listener, or write the route under \`${words[other as L4Kind | "http"].section}\``,
            path: [section, name, "gateways", indexOf(document, [section, name], reference)],
            at: "value",
          } as const;
          return [locate(document, problem)];
        }),
    ),
  );
}

/** Where the reference stands in the list as it is written: drafts are sorted. */
function indexOf(document: YamlDocument, [section, name]: readonly [string, string], reference: string): number {
  const root = document.value as Readonly<
    Record<string, Readonly<Record<string, { readonly gateways?: readonly string[] }>>>
  >;
  return Math.max(0, root[section]?.[name]?.gateways?.indexOf(reference) ?? 0);
}

/** Who has a hostname of an address, or a whole TCP listener. */
interface Owner {
  readonly at: Place;
  readonly what: string;
  readonly route?: Located;
}

function conflicts(
  gateways: readonly DraftGateway[],
  routes: readonly Located[],
  groupNames: readonly string[],
): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const group of groupNames) {
    const taken = new Map<string, Owner>();
    const ofGroup = gateways.filter(({ groups }) => groups?.includes(group) ?? true);
    for (const gateway of ofGroup) {
      for (const listener of gateway.listeners.filter(({ tls }) => tls !== undefined)) {
        const what = `the HTTPS listener \`${gateway.name}/${listener.name}\``;
        for (const hostname of listener.hostnames ?? ["*"]) {
          taken.set(keyOf(listener, hostname), { at: listener.at, what });
        }
      }
    }
    for (const gateway of ofGroup) {
      for (const listener of gateway.l4Listeners) {
        const where = `\`${gateway.name}/${listener.name}\``;
        for (const { route, hostnames } of l4RoutesOn(gateway, listener, routes)) {
          const owner: Owner = { at: route.at, what: `the route \`${route.name}\``, route };
          for (const hostname of hostnames) {
            const key = route.kind !== "tls" ? where : keyOf(listener, hostname);
            const other = taken.get(key);
            if (other === undefined) taken.set(key, owner);
            else if (!found.has(`${route.kind} ${route.name}`)) {
              found.set(`${route.kind} ${route.name}`, conflict(route, other, { where, hostname }));
            }
          }
        }
      }
    }
  }
  return [...found.values()];
}

function keyOf({ address = "0.0.0.0", port }: GatewayListener, hostname: string): string {
  return `${address} ${port} ${hostname}`;
}

function conflict(
  route: Located,
  other: Owner,
  { where, hostname }: { readonly where: string; readonly hostname: string },
): Diagnostic {
  const isWhole = route.kind !== "tls";
  const which = isWhole
    ? route.kind === "tcp"
      ? "all connections"
      : "all datagrams"
    : hostname === "*"
      ? "every hostname"
      : hostname;
  const problem = {
    code: "conflicting-route",
    message: `\`${route.name}\` takes ${which} on ${where}, and so does ${other.what}`,
    hint: isWhole
      ? `a ${words[route.kind].protocols} listener has one route: name another listener under \`gateways\`, or remove one of the two`
      : "give each of them `hostnames` of its own, or another listener under `gateways`",
    path: [words[route.kind].section, route.name],
    at: "key",
  } as const;
  return { ...locate(route.document, problem), related: { at: other.at, message: "it is written here" } };
}
