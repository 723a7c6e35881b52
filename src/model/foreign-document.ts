/**
 * Documents that are right, and of another system: one sentence instead of an unknown key for each of theirs.
 */
import type { Problem } from "./position.ts";

/** What each kind of Kubernetes object is called here. */
const sections: Readonly<Record<string, string>> = {
  HTTPRoute: "routes",
  GRPCRoute: "routes",
  TCPRoute: "tcpRoutes",
  TLSRoute: "tlsRoutes",
  UDPRoute: "udpRoutes",
  VirtualService: "routes",
  HTTPProxy: "routes",
  Ingress: "routes",
  Gateway: "gateways",
  Service: "services",
  ServiceEntry: "services",
  DestinationRule: "services",
  Backend: "services",
  Endpoints: "services",
  Secret: "secrets",
  BackendTrafficPolicy: "policies",
};

/** The problem of a whole document that is written for something else, or undefined. */
export function foreignDocument(value: unknown): Problem | undefined {
  if (Array.isArray(value) && value.some(hasType)) {
    const hint = "put the list under the key `resources`";
    return { code: "wrong-type", message: "these are Envoy resources without a section", hint, path: [], at: "value" };
  }
  if (isKeySet(value)) {
    const message = "this is a JSON Web Key Set, and files that end in .json are read as configuration";
    const hint =
      "name the file `.jwks`, or put it outside of the config directory, and name it so in `jwks: { file: … }`";
    return { code: "unknown-key", message, hint, path: ["keys"], at: "key" };
  }
  const { apiVersion, kind } = (value ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const section = Object.hasOwn(sections, kind) ? sections[kind] : undefined;
  const message = `this is a Kubernetes object (${kind}), which Fairway does not read`;
  const hint =
    section === undefined
      ? "see docs/configuration.md for the keys of Fairway"
      : `write what it says under \`${section}\`; the words inside are much the same`;
  return { code: "unknown-key", message, hint, path: ["apiVersion"], at: "key" };
}

function isKeySet(value: unknown): boolean {
  const keys: unknown = (value as { readonly keys?: unknown } | null | undefined)?.keys;
  return Array.isArray(keys) && keys.some((key: unknown) => isMap(key) && Object.hasOwn(key, "kty"));
}

function isMap(value: unknown): value is object {
  return value !== null && typeof value === "object";
}

function hasType(item: unknown): boolean {
  return item !== null && typeof item === "object" && Object.hasOwn(item, "@type");
}
