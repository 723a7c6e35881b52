/**
 * What a document defines and what it refers to, by name.
 *
 * Read from the plain values, whatever else is wrong with them: a service with a typo is still defined, so
 * that one mistake does not make every route that uses the service look wrong, and a dangling reference
 * beside a typo is told at once.
 */
import { filterPartReferences } from "./filter-parts.ts";
import type { YamlDocument } from "./parse-document.ts";
import type { Path } from "./position.ts";

/** The top-level maps whose keys are identities. */
export const sections = [
  "nodes",
  "gateways",
  "services",
  "routes",
  "tcpRoutes",
  "tlsRoutes",
  "udpRoutes",
  "splits",
  "policies",
  "secrets",
] as const;
export type Section = (typeof sections)[number];

/** Those whose routes take connections and not requests. */
const l4Sections = ["tcpRoutes", "tlsRoutes", "udpRoutes"] as const;

/** A name and where it is defined. */
export interface Definition {
  readonly section: Section;
  readonly name: string;
  /** A gateway's listeners, a service's subsets, a secret's parts; undefined when they cannot be read. */
  readonly members: readonly string[] | undefined;
  readonly document: YamlDocument;
  readonly path: Path;
}

/** A name that must be defined somewhere, in any document. */
export interface Reference {
  readonly section: Section;
  readonly name: string;
  readonly path: Path;
  /** A subset of the service, a listener of the gateway, a part that the secret must have. */
  readonly member?: { readonly name: string; readonly path: Path };
  readonly document: YamlDocument;
}

type Map = { readonly [key: string]: unknown };

/** The definitions of one document, in the order written. */
export function collectDefinitions(document: YamlDocument): readonly Definition[] {
  const root = asMap(document.value);
  return sections.flatMap((section) =>
    Object.entries(asMap(root?.[section]) ?? {}).map(([name, entry]) => ({
      section,
      name,
      members: membersOf(section, entry),
      document,
      path: [section, name],
    })),
  );
}

/** The references of one document. `*` steps into every item of a list or map; a list at the end is read item by item. */
export function collectReferences(document: YamlDocument): readonly Reference[] {
  const found: Reference[] = [];
  const names = (section: Section, pattern: readonly string[]): void => {
    visit(document.value, pattern, (value, path) => {
      if (typeof value === "string") found.push({ section, name: value, path, document });
    });
  };
  names("nodes", ["gateways", "*", "nodes"]);
  names("nodes", ["resources", "*", "nodes"]);
  names("nodes", ["patches", "*", "nodes"]);
  names("services", ["nodes", "*", "services"]);
  names("splits", ["routes", "*", "rules", "*", "split"]);
  for (const section of l4Sections) names("splits", [section, "*", "split"]);
  names("policies", ["gateways", "*", "policies"]);
  names("policies", ["routes", "*", "policies"]);
  names("policies", ["routes", "*", "rules", "*", "policies"]);
  for (const section of ["routes", ...l4Sections]) {
    visit(document.value, [section, "*", "gateways"], (value, path) => {
      if (typeof value === "string") found.push(gatewayReference(value, path, document));
    });
  }
  const backend = (value: unknown, path: Path): void => {
    const { service, subset } = asMap(value) ?? {};
    if (typeof service !== "string") return;
    const member = typeof subset === "string" ? { member: { name: subset, path: [...path, "subset"] } } : {};
    found.push({ section: "services", name: service, path: [...path, "service"], ...member, document });
  };
  visit(document.value, ["routes", "*", "rules", "*", "backends"], backend);
  for (const section of l4Sections) visit(document.value, [section, "*", "backends"], backend);
  visit(document.value, ["routes", "*", "rules", "*", "filters", "*", "mirror"], backend);
  visit(document.value, ["splits", "*", "backends", "*"], backend);
  visit(document.value, ["gateways", "*", "accessLogs", "*", "grpc"], backend);
  visit(document.value, ["gateways", "*", "accessLogs", "*", "openTelemetry"], backend);
  visit(document.value, ["gateways", "*", "tracing", "provider", "grpc"], backend);
  visit(document.value, ["gateways", "*", "tracing", "provider", "http"], backend);
  const secret = (part: string, pattern: readonly string[]): void => {
    visit(document.value, pattern, (value, path) => {
      if (typeof value !== "string") return;
      found.push({ section: "secrets", name: value, path, member: { name: part, path }, document });
    });
  };
  for (const { part, section, at, secretPart } of filterPartReferences) {
    for (const place of [
      ["policies", "*"],
      ["routes", "*", "rules", "*", "filters", "*"],
    ]) {
      const pattern = [...place, part, ...at];
      if (section === "services") visit(document.value, pattern, backend);
      else secret(secretPart ?? "certificate", pattern);
    }
  }
  secret("certificate", ["gateways", "*", "listeners", "*", "tls", "secret"]);
  secret("ca", ["gateways", "*", "listeners", "*", "tls", "clientCa"]);
  for (const service of [
    ["services", "*"],
    ["services", "*", "subsets", "*"],
  ]) {
    secret("ca", [...service, "tls", "ca"]);
    secret("certificate", [...service, "tls", "clientCertificate"]);
    secret("certificate", [...service, "tls", "client_certificate"]);
  }
  return found;
}

/** Visits what a pattern leads to; `*` steps into every item of a list or map. */
export function visitValues(value: unknown, pattern: readonly string[], found: (value: unknown) => void): void {
  visit(value, pattern, (item) => found(item));
}

function gatewayReference(text: string, path: Path, document: YamlDocument): Reference {
  const slash = text.indexOf("/");
  if (slash === -1) return { section: "gateways", name: text, path, document };
  const member = { name: text.slice(slash + 1), path };
  return { section: "gateways", name: text.slice(0, slash), path, member, document };
}

function membersOf(section: Section, entry: unknown): readonly string[] | undefined {
  const map = asMap(entry);
  if (map === undefined) return undefined;
  if (section === "services") {
    return map["subsets"] === undefined ? [] : membersOfMap(map["subsets"]);
  }
  if (section === "secrets") return Object.keys(map);
  if (section !== "gateways" || !Array.isArray(map["listeners"])) return undefined;
  const names = map["listeners"].map((listener: unknown) => asMap(listener)?.["name"]);
  return names.every((name) => typeof name === "string") ? names : undefined;
}

function membersOfMap(value: unknown): readonly string[] | undefined {
  const map = asMap(value);
  return map === undefined ? undefined : Object.keys(map);
}

/** Visits what a pattern leads to, with the path there. */
function visit(value: unknown, pattern: readonly string[], found: (value: unknown, path: Path) => void): void {
  walk({ pattern, path: [], found }, value);
}

interface Walk {
  readonly pattern: readonly string[];
  /** As long as the part of the pattern that led here; pushed and popped, and copied for what is found only. */
  readonly path: (string | number)[];
  readonly found: (value: unknown, path: Path) => void;
}

function walk(way: Walk, value: unknown): void {
  const { pattern, path, found } = way;
  const step = pattern[path.length];
  if (step === undefined) {
    if (Array.isArray(value)) value.forEach((item: unknown, index) => found(item, [...path, index]));
    else found(value, [...path]);
    return;
  }
  const into = (key: string | number, item: unknown): void => {
    path.push(key);
    walk(way, item);
    path.pop();
  };
  if (step === "*" && Array.isArray(value)) {
    value.forEach((item: unknown, index) => into(index, item));
    return;
  }
  const map = asMap(value);
  if (map === undefined) return;
  if (step === "*") for (const key of Object.keys(map)) into(key, map[key]);
  else if (Object.hasOwn(map, step)) into(step, map[step]);
}

function asMap(value: unknown): Map | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Map) : undefined;
}
