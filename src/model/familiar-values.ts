/**
 * Values that are right in other systems, or nearly so here, and what is written instead.
 */
import type { Path } from "./position.ts";

/** Where a secret is named. */
const secretKeys: ReadonlySet<unknown> = new Set(["ca", "secret", "clientCa", "clientCertificate", "clientSecret"]);

/** The way out for a value that does not fit, or undefined. */
export function familiarValue(path: Path, value: unknown): string | undefined {
  const key = path.at(-1);
  const list = path.at(-2);
  if (list === "on" && isStatus(value)) {
    return "by status there are `gateway-error` (502, 503, 504), `5xx` and `retriable-4xx` (409)";
  }
  if (list === "backends" && typeof value === "string") return `write \`{ service: ${value} }\``;
  if (list === "headers" && typeof value === "boolean") {
    return `put it in quotes: "${value}", or write \`{ present: true }\` for any value`;
  }
  if (typeof value !== "string") return undefined;
  if (key === "service" && value.includes("|")) {
    const [service, subset] = value.split("|", 2);
    return `write \`service: ${service}, subset: ${subset}\``;
  }
  if (path[0] === "services" && key === "protocol" && /^(?:https|tls)$/i.test(value)) {
    return "write `tls: { ca: … }` beside `protocol`, which is what is spoken inside of TLS";
  }
  if (secretKeys.has(key) && value.includes("/")) {
    return "write the name of an entry under `secrets`, which says `{ file: … }` or `{ nodeFile: … }`";
  }
  if (path[0] === "secrets" && path.length === 3) return `write \`${key}: { file: … }\`, with the path of a PEM file`;
  return undefined;
}

function isStatus(value: unknown): boolean {
  return typeof value === "number" || value === "retriable-status-codes" || /^[1-5][0-9]{2}$/.test(String(value));
}
