/**
 * A name that a certificate must have, of the kind that it looks like: a URI, an IP address, or else a DNS name.
 */
import type { SubjectAltNameMatcherJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.d.ts";

export function matchSubjectAltName(name: string): SubjectAltNameMatcherJson {
  const sanType = name.includes("://") ? "URI" : /^[\d.]+$|:/.test(name) ? "IP_ADDRESS" : "DNS";
  return { sanType, matcher: { exact: name } };
}
