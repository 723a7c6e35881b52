/**
 * From checked conditions on paths, gRPC methods and values to those of the intent.
 */
import type { ValueMatch } from "./intent-match.ts";
import type { GrpcMatch, GrpcName, PathMatch } from "./intent-route.ts";
import type { GrpcMatchValue, PathMatchValue, ValueMatchValue } from "./schema-match.ts";
import { byName, defined } from "./sort.ts";

export function buildPathMatch(value: PathMatchValue | undefined): PathMatch {
  if (value === undefined) return { kind: "prefix", path: "/" };
  if (typeof value === "string") return { kind: "prefix", path: value };
  if (value.exact !== undefined) return { kind: "exact", path: value.exact };
  if (value.regex !== undefined) return { kind: "regex", pattern: value.regex };
  return { kind: "prefix", path: value.prefix ?? "/" };
}

/** The condition, and the paths of the requests that it takes: `/service/method`. */
export function buildGrpcMatch(value: GrpcMatchValue): { readonly path: PathMatch; readonly grpc: GrpcMatch } {
  const grpc = defined({ service: buildName(value.service), method: buildName(value.method) });
  return { path: grpcPath(grpc), grpc };
}

function buildName(value: GrpcMatchValue["service"]): GrpcName | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return { kind: "exact", text: value };
  if (value.regex !== undefined) return { kind: "regex", text: value.regex };
  return { kind: "exact", text: value.exact ?? "" };
}

function grpcPath({ service, method }: GrpcMatch): PathMatch {
  if (service === undefined && method === undefined) return { kind: "prefix", path: "/" };
  if (service?.kind === "exact" && method?.kind === "exact") {
    return { kind: "exact", path: `/${service.text}/${method.text}` };
  }
  if (service?.kind === "exact" && method === undefined) return { kind: "prefix", path: `/${service.text}` };
  return { kind: "regex", pattern: `/${namePattern(service)}/${namePattern(method)}` };
}

function namePattern(name: GrpcName | undefined): string {
  if (name === undefined) return "[^/]+";
  return name.kind === "regex" ? `(?:${name.text})` : name.text.replaceAll(".", "[.]");
}

/** By name; names of headers know no case. */
export function buildValueMatches(
  written: Readonly<Record<string, ValueMatchValue>>,
  spell = (name: string) => name.toLowerCase(),
): readonly ValueMatch[] {
  return Object.entries(written)
    .map(([name, match]) => buildValueMatch(spell(name), match))
    .toSorted(byName);
}

export function buildValueMatch(name: string, value: ValueMatchValue): ValueMatch {
  if (typeof value === "string") return { name, value: { kind: "exact", text: value } };
  if (value.exact !== undefined) return { name, value: { kind: "exact", text: value.exact } };
  if (value.prefix !== undefined) return { name, value: { kind: "prefix", text: value.prefix } };
  if (value.suffix !== undefined) return { name, value: { kind: "suffix", text: value.suffix } };
  if (value.contains !== undefined) return { name, value: { kind: "contains", text: value.contains } };
  if (value.regex !== undefined) return { name, value: { kind: "regex", pattern: value.regex } };
  return { name, value: { kind: value.present === false ? "absent" : "present" } };
}
