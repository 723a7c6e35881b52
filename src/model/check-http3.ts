/**
 * Whether a service that is spoken to over HTTP/3, or may be, has what QUIC needs, and nothing that only TCP knows.
 */
import { socketPath } from "./address.ts";
import type { PolicyValue } from "./merge-policy.ts";
import type { Path, Problem } from "./position.ts";
import type { ServiceValue } from "./schema.ts";

/** Of the service itself; `policy` is what it says of its endpoints. */
export function* checkHttp3(path: Path, service: ServiceValue, policy: PolicyValue): Iterable<Problem> {
  const { protocol } = service;
  if (protocol !== "http3" && protocol !== "auto") return;
  const subsets = Object.values(service.subsets ?? {});
  // Where each subset has its own, the service still has a cluster for the whole of it.
  if (policy.tls === undefined) {
    const why = protocol === "auto" ? "by ALPN endpoints choose the version of HTTP" : "there is no HTTP/3 without it";
    const message = `\`protocol: ${protocol}\` needs \`tls\`: ${why}`;
    const hint = `write \`tls: { ca: … }\`${subsets.length === 0 ? "" : " at the service, not only at subsets"}`;
    yield { code: "missing-key", message, hint, path: [...path, "protocol"], at: "value" };
  }
  if (service.discovery?.originalDestination !== undefined) {
    const message = "what a firewall leads to Envoy is TCP, and goes on over TCP";
    const hint = "write `protocol: http2`, or remove `protocol`";
    yield { code: "invalid-value", message, hint, path: [...path, "protocol"], at: "value" };
  }
  for (const [index, endpoint] of (service.endpoints ?? []).entries()) {
    const address = typeof endpoint === "string" ? endpoint : endpoint.address;
    if (socketPath(address) === undefined) continue;
    const message = "HTTP/3 needs an IP address and a UDP port, and this is a Unix domain socket";
    const at = typeof endpoint === "string" ? [index] : [index, "address"];
    const hint = "write `protocol: http1` or `http2`, which sockets can carry";
    yield { code: "invalid-value", message, hint, path: [...path, "endpoints", ...at], at: "value" };
  }
}

/** Of a service or one subset, at the lines where it stands. */
export function* checkHttp3Policy(
  path: Path,
  protocol: ServiceValue["protocol"],
  { connection, healthCheck, tls }: PolicyValue,
): Iterable<Problem> {
  if (protocol !== "http3" && protocol !== "auto") return;
  // With `auto` there are connections of TCP too, and the kernel keeps those alive.
  for (const key of protocol === "auto" ? (["proxyProtocol"] as const) : (["proxyProtocol", "tcpKeepalive"] as const)) {
    if (connection?.[key] === undefined) continue;
    const message = `\`${key}\` is about connections of TCP, and HTTP/3 has none`;
    const hint = "remove it, or write `protocol: http2`";
    yield { code: "invalid-value", message, hint, path: [...path, "connection", key], at: "key" };
  }
  if (connection?.maxRequestsPerConnection !== undefined) {
    const message =
      "with `maxRequestsPerConnection` requests over HTTP/3 hang: Envoy 1.36 and 1.40 wait for a connection that never comes";
    const hint = "write `maxConnectionDuration`, which ends connections by their age";
    yield {
      code: "invalid-value",
      message,
      hint,
      path: [...path, "connection", "maxRequestsPerConnection"],
      at: "key",
    };
  }
  if (protocol === "http3" && healthCheck?.grpc !== undefined) {
    const message = "gRPC's health protocol needs HTTP/2, and the service speaks HTTP/3: Envoy refuses the cluster";
    const hint = "write `http: { path: … }`, which is asked over TCP and TLS on the same port";
    yield { code: "invalid-value", message, hint, path: [...path, "healthCheck", "grpc"], at: "key" };
  }
  if (tls?.maxVersion !== undefined && tls.maxVersion !== "TLSv1_3") {
    const message = `HTTP/3 needs TLS 1.3, and \`maxVersion\` is ${tls.maxVersion}`;
    const hint = "remove `maxVersion`, or write `protocol: http2`";
    yield { code: "invalid-value", message, hint, path: [...path, "tls", "maxVersion"], at: "value" };
  }
}
