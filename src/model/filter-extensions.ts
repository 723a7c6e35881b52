/**
 * `extensions`: any other HTTP filter of Envoy's, at a named place among those that the other parts make.
 *
 * Its config is Envoy's own message, held to the same checks as a raw resource (`check-extensions.ts`).
 */
import * as z from "zod";
import type { Place } from "./diagnostic.ts";
import type { PartSite } from "./filter-part.ts";
import { filterPart } from "./filter-part.ts";
import type { JsonValue } from "./intent.ts";
import { collectSdsNames } from "./json-texts.ts";
import type { Path } from "./position.ts";
import { placeOf } from "./position.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** Filters that are Envoy's words and not ours. */
export interface Extensions {
  /** In the order in which requests meet those of one place. Never empty. */
  readonly filters: readonly Extension[];
}

export interface Extension {
  readonly name: string;
  /** Right before the router when absent. */
  readonly place?: { readonly side: "before" | "after"; readonly part: FilterPlace };
  /** With `@type`. */
  readonly typedConfig: TypedJson;
  /** What the routes say to it, with `@type`; else they switch it on. */
  readonly routeConfig?: TypedJson;
  /** The services that are said to be those whose clusters it names. */
  readonly services: readonly string[];
  /** Every text of its configs, in the order written: any may be the name of a cluster. */
  readonly texts: readonly WrittenText[];
  /** The names by which it asks for secrets over SDS, of which some may not be Fairway's. */
  readonly secrets: readonly string[];
}

/** A text in Envoy's own words, and where it is. */
export interface WrittenText {
  readonly text: string;
  readonly at: Place;
}

/** A message in proto3 JSON, as in an `Any`. */
export type TypedJson = { readonly "@type": string; readonly [key: string]: JsonValue };

/** The parts that make filters, in the order in which requests meet these. */
export const filterPlaces = [
  "cors",
  "grpcWeb",
  "grpcJson",
  "grpcStats",
  "fault",
  "csrf",
  "oidc",
  "jwt",
  "apiKey",
  "basicAuth",
  "authorization",
  "extAuth",
  "rateLimit",
  "admissionControl",
  "adaptiveConcurrency",
  "bandwidthLimit",
  "requestLimits",
  "compression",
  "lua",
  "extProc",
  "wasm",
] as const;

export type FilterPlace = (typeof filterPlaces)[number];

/** Each stands in the chain of every listener that uses it. */
const EXTENSIONS_MAX = 16;

const typed = z.looseObject({ "@type": scalar("text").describe("The type URL of the message.") }, { error: "map" });

const extension = block({
  name: name.describe("What it is called, in statistics and here."),
  before: z.enum(filterPlaces).optional().describe("It stands right before the filters of this part."),
  after: z.enum(filterPlaces).optional().describe("It stands right behind the filters of this part."),
  typedConfig: typed.meta({
    description: "The filter's config, in proto3 JSON.",
    examples: [{ "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig" }],
  }),
  routeConfig: typed.optional().meta({ description: "What routes say to it, where it knows such a message." }),
  services: z
    .array(block({ service: name.describe("The service."), subset: name.optional().describe("One subset of it.") }))
    .min(1)
    .optional()
    .describe("Services that it calls and whose clusters its configs do not name."),
}).superRefine(({ before, after }, context) => {
  if (before === undefined || after === undefined) return;
  const message = "`before` and `after` are two places";
  refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: ["after"] });
});

const schema = z
  .array(extension)
  .min(1)
  .max(EXTENSIONS_MAX)
  .superRefine((written, context) => {
    for (const [index, { name: own }] of written.entries()) {
      if (written.findIndex((each) => each.name === own) === index) continue;
      const message = `\`${own}\` is there twice`;
      refuse(context, { code: "duplicate-name", message, hint: "choose another name", path: [index, "name"] });
    }
  })
  .meta({
    description: "Other HTTP filters of Envoy's, each at a place among those of the other parts.",
    examples: [
      [
        {
          name: "grpc-stats",
          before: "jwt",
          typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig" },
        },
      ],
    ],
  });

export const extensions = filterPart({
  schema,
  build: (value, { document, path }): Extensions => ({
    filters: value.map((written, index) => buildExtension(written, { document, path: [...path, index] })),
  }),
  names: [{ section: "services", at: ["*", "services"] }],
  services: ({ filters }) => filters.flatMap(({ services }) => services),
  secrets: ({ filters }) => filters.flatMap(({ secrets }) => secrets),
});

function buildExtension({ services, routeConfig, ...written }: z.infer<typeof extension>, site: PartSite): Extension {
  const { before, after } = written;
  // Values of documents are JSON.
  const configs = {
    typedConfig: written.typedConfig,
    ...(routeConfig === undefined ? {} : { routeConfig }),
  } as Configs;
  const secrets = new Set<string>();
  collectSdsNames(configs, secrets);
  return {
    name: written.name,
    ...(before === undefined ? {} : { place: { side: "before", part: before } }),
    ...(after === undefined ? {} : { place: { side: "after", part: after } }),
    ...configs,
    services: (services ?? []).map(({ service }) => service),
    texts: writtenTexts(site, [], configs),
    secrets: [...secrets],
  };
}

type Configs = { readonly typedConfig: TypedJson; readonly routeConfig?: TypedJson };

/** Types are no names. */
function writtenTexts(site: PartSite, below: Path, json: JsonValue): readonly WrittenText[] {
  if (typeof json === "string") {
    return [{ text: json, at: placeOf(site.document, [...site.path, ...below], "value") }];
  }
  if (json === null || typeof json !== "object") return [];
  const entries = Array.isArray(json) ? [...json.entries()] : Object.entries(json);
  return entries.flatMap(([key, item]) => (key === "@type" ? [] : writtenTexts(site, [...below, key], item)));
}
