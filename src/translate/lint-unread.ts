/**
 * Warnings about services that connections and datagrams are led to unread, and that ask for what only somebody who reads
 * them could do: a hash of a header, or TLS and the PROXY protocol for datagrams.
 *
 * Of a service that HTTP routes lead to as well, the words hold there; here they do nothing, and nobody would see it.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { L4Route } from "../model/intent-l4-route.ts";
import type { Service, ServicePolicy } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";

/** What is written and does nothing, and the way out. */
interface Idle {
  readonly message: string;
  readonly hint: string;
}

/** For each route at its backend, one warning for each word that does nothing. */
export function lintUnread({ l4Routes, services }: Pick<Intent, "l4Routes" | "services">): readonly Diagnostic[] {
  if (l4Routes.length === 0) return [];
  const byName = new Map(services.map((service) => [service.name, service]));
  return l4Routes.flatMap((route) =>
    route.target.backends.flatMap(({ service: name, subset, at }) => {
      const service = byName.get(name);
      const part = subset === undefined ? service : service?.subsets.find((each) => each.name === subset);
      if (service === undefined || part === undefined) return [];
      const idle = [...(route.kind === "udp" ? ofDatagrams(service, part.policy) : []), ...ofHash(route, part.policy)];
      return idle.map(({ message, hint }): Diagnostic => ({
        code: "unread-ignores",
        severity: "warning",
        message: `\`${name}\` ${message}`,
        at,
        hint,
        related: { at: service.at, message: "the service is here" },
      }));
    }),
  );
}

function* ofDatagrams({ protocol = "http1" }: Service, { tls, connection }: ServicePolicy): Iterable<Idle> {
  // What goes to endpoints of HTTP/3 is QUIC, which is encrypted by the client.
  if (tls !== undefined && protocol !== "http3") {
    yield {
      message: "has `tls`, which is for connections: the datagrams of this route go on as they are, not encrypted",
      hint: "remove `tls`, or name a service of its own for the datagrams; DTLS and QUIC of the clients pass through",
    };
  }
  if (connection?.proxyProtocol !== undefined) {
    yield {
      message: "has `proxyProtocol`, which begins connections: datagrams have none, and endpoints see Envoy's address",
      hint: "remove it, or name a service of its own for the datagrams",
    };
  }
  if (protocol === "grpc" || protocol === "http2") {
    yield {
      message: `has \`protocol: ${protocol}\`, which runs over TCP: endpoints get the datagrams as they are`,
      hint: "name another service, or lead to this one by `routes` or `tcpRoutes`",
    };
  }
}

/** Of a connection only its address is known before it is passed on, and of datagrams Envoy asks not even that. */
function* ofHash({ kind }: L4Route, { loadBalancer }: ServicePolicy): Iterable<Idle> {
  const keys = loadBalancer?.hashOn;
  if (keys === undefined || loadBalancer === undefined) return;
  const random = `${loadBalancer.policy} chooses endpoints at random`;
  if (kind === "udp") {
    const hint = "remove `hashOn`: a client keeps its endpoint anyway, for as long as its session lasts";
    yield { message: `has \`hashOn\`, which UDP does not ask for: ${random}`, hint };
  } else if (keys.every((key) => key.kind !== "sourceIp")) {
    const hint = "write `hashOn: [{ sourceIp: true }]`; after other keys it holds where those are not known";
    yield { message: `has \`hashOn\` without \`sourceIp\`, and connections are not read: ${random}`, hint };
  }
}
