/**
 * All parts of policies that Envoy does with HTTP filters, by the word that people write.
 *
 * A part may be in a policy, or among the `filters` of a rule; `none` in its place keeps away what a policy further
 * off says. To add one: a file here and one in `translate`, and a row in the table of each.
 */
import * as z from "zod";
import { adaptiveConcurrency } from "./filter-adaptive-concurrency.ts";
import { admissionControl } from "./filter-admission-control.ts";
import { compression } from "./filter-compression.ts";
import { apiKey } from "./filter-api-key.ts";
import { authorization } from "./filter-authorization.ts";
import { bandwidthLimit } from "./filter-bandwidth-limit.ts";
import { basicAuth } from "./filter-basic-auth.ts";
import { cors } from "./filter-cors.ts";
import { csrf } from "./filter-csrf.ts";
import { extAuth } from "./filter-ext-auth.ts";
import { extensions } from "./filter-extensions.ts";
import { extProc } from "./filter-ext-proc.ts";
import { fault } from "./filter-fault.ts";
import { grpcJson } from "./filter-grpc-json.ts";
import { grpcStats } from "./filter-grpc-stats.ts";
import { grpcWeb } from "./filter-grpc-web.ts";
import { jwt } from "./filter-jwt.ts";
import { oidc } from "./filter-oidc.ts";
import type { FilterPart, FilterPartKind, Outside } from "./filter-part.ts";
import { lua } from "./filter-lua.ts";
import { rateLimit } from "./filter-rate-limit.ts";
import { requestLimits } from "./filter-request-limits.ts";
import { wasm } from "./filter-wasm.ts";
import type { Path, Problem, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";

const kinds = {
  adaptiveConcurrency,
  admissionControl,
  compression,
  apiKey,
  authorization,
  bandwidthLimit,
  basicAuth,
  cors,
  csrf,
  extAuth,
  extensions,
  extProc,
  fault,
  grpcJson,
  grpcStats,
  grpcWeb,
  jwt,
  lua,
  oidc,
  rateLimit,
  requestLimits,
  wasm,
} as const satisfies Readonly<Record<string, { readonly schema: z.ZodType }>>;

type Kinds = typeof kinds;

/** The word of a part. */
export type FilterPartName = keyof Kinds;

/** What a part means. */
export type FilterSettings<Name extends FilterPartName> = ReturnType<Kinds[Name]["build"]>;

/** The parts that are written at one place. */
export type FilterParts = { readonly [Name in FilterPartName]?: FilterPart<FilterSettings<Name>> };

type WrittenPart<Name extends FilterPartName> = z.ZodUnion<[z.ZodLiteral<"none">, Kinds[Name]["schema"]]>;

/** In alphabetical order. */
export const filterPartNames = Object.keys(kinds).toSorted() as readonly FilterPartName[];

/** The schema of each part, with `none`; all are optional. */
export const filterPartSchemas = Object.fromEntries(
  filterPartNames.map((name) => {
    const { schema } = kinds[name];
    const { description, examples } = z.globalRegistry.get(schema) ?? {};
    return [
      name,
      z
        .union([z.literal("none"), schema])
        .optional()
        .meta({ description, examples }),
    ];
  }),
) as unknown as { readonly [Name in FilterPartName]: z.ZodOptional<WrittenPart<Name>> };

/** The parts as they are written at one place. */
export type WrittenParts = { readonly [Name in FilterPartName]?: z.infer<WrittenPart<Name>> | undefined };

type AnyKind = FilterPartKind<z.ZodType, object>;

/** The parts that a value has; `path` is that of the value. Undefined when there are none. */
export function buildFilterParts(document: SourceDocument, path: Path, value: WrittenParts): FilterParts | undefined {
  const found = filterPartNames.flatMap((name) => {
    const written = value[name];
    if (written === undefined) return [];
    const site = { document, path: [...path, name] };
    const settings = written === "none" ? written : (kinds[name] as AnyKind).build(written, site);
    return [[name, { at: placeOf(document, site.path, "key"), settings }]];
  });
  return found.length === 0 ? undefined : (Object.fromEntries(found) as FilterParts);
}

/** What the schemas cannot say of the parts that a value has. */
export function checkFilterParts(path: Path, value: WrittenParts): readonly Problem[] {
  return filterPartNames.flatMap((name) => {
    const written = value[name];
    const { check } = kinds[name] as AnyKind;
    return written === undefined || written === "none" || check === undefined ? [] : check([...path, name], written);
  });
}

/** What each part can name, by the part. */
export const filterPartReferences = filterPartNames.flatMap((part) =>
  ((kinds[part] as AnyKind).names ?? []).map((name) => ({ part, ...name })),
);

/** Where each part names files, by the part. */
export const filterPartFiles = filterPartNames.flatMap((part) =>
  ((kinds[part] as AnyKind).files ?? []).map((at) => ({ part, at })),
);

/** The parts with what lies outside of the config; the same object when they need nothing of it. */
export function fillFilterParts(parts: FilterParts | undefined, outside: Outside): FilterParts | undefined {
  if (!needsOutside(parts)) return parts;
  const filled = Object.entries(parts).map(([name, part]: [string, FilterPart<object>]) => {
    const { fill } = kinds[name as FilterPartName] as AnyKind;
    return [
      name,
      fill === undefined || part.settings === "none" ? part : { ...part, settings: fill(part.settings, outside) },
    ];
  });
  return Object.fromEntries(filled) as FilterParts;
}

/** Whether any of the parts is made of more than the config. */
export function needsOutside(parts: FilterParts | undefined): parts is FilterParts {
  return (
    parts !== undefined &&
    filterPartNames.some((name) => (kinds[name] as AnyKind).fill !== undefined && parts[name] !== undefined)
  );
}

/** The services and secrets that the parts need. */
export function neededByParts(parts: FilterParts | undefined): {
  readonly services: readonly string[];
  readonly secrets: readonly string[];
} {
  if (parts === undefined) return nothing;
  const services: string[] = [];
  const secrets: string[] = [];
  for (const name of filterPartNames) {
    const settings = parts[name]?.settings;
    if (settings === undefined || settings === "none") continue;
    const kind = kinds[name] as AnyKind;
    services.push(...(kind.services?.(settings) ?? []));
    secrets.push(...(kind.secrets?.(settings) ?? []));
  }
  return { services, secrets };
}

const nothing = { services: [], secrets: [] } as const;
