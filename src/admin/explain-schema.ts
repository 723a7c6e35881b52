/**
 * The shape of an explained request; `explain/explanation.ts` says what each part means.
 */
import { z } from "zod";
import { place } from "./api-schema.ts";

const setting = z.object({ name: z.string(), text: z.string(), at: place.optional(), origin: z.string().optional() });
const miss = z.object({ route: z.string(), at: place, conditions: z.array(z.string()) });
const listenerName = z.object({ name: z.string(), address: z.string() });
const because = z.string();
const patchedAt = z.array(place).optional().describe("Where patches that changed it are written");

const outcome = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("forward"),
    clusters: z.array(z.object({ cluster: z.string(), percent: z.number() })),
    path: z.string().optional().describe("When it is rewritten"),
    host: z.string().optional().describe("When it is rewritten"),
  }),
  z.object({ kind: z.literal("redirect"), status: z.int(), location: z.string() }),
  z.object({ kind: z.literal("answer"), status: z.int(), body: z.string().optional() }),
  z.object({ kind: z.literal("not-found"), status: z.literal(404), because }),
  z.object({ kind: z.literal("refused"), status: z.int().optional(), because }),
  z.object({ kind: z.literal("unknown"), because }),
]);

const clusterSchema = z.object({
  name: z.string(),
  at: place.optional().describe("Absent when the snapshot has no such cluster"),
  patchedAt,
  discovery: z.string().optional(),
  endpointCount: z.int(),
  endpoints: z
    .array(
      z.object({
        address: z.string(),
        at: place.optional(),
        priority: z.int(),
        locality: z.string().optional(),
        weight: z.int().optional(),
        health: z.string().optional(),
      }),
    )
    .describe("At most 20"),
  settings: z.array(setting),
});

export const explanationSchema = z.object({
  request: z.object({
    method: z.string(),
    url: z.string(),
    host: z.string(),
    path: z.string(),
    matchedPath: z.string().optional().describe("After normalisation, when that changed it"),
    matchedHost: z.string().optional(),
  }),
  group: z.object({ name: z.string(), at: place.optional() }),
  version: z.string().describe("Of the snapshot that is served"),
  node: z.object({ id: z.string(), connected: z.boolean().optional(), acknowledged: z.string().optional() }).optional(),
  listener: listenerName
    .extend({ at: place, patchedAt, tls: z.boolean(), filterChain: z.string().optional() })
    .optional(),
  otherListeners: z.array(listenerName).describe("Those that take the request as well"),
  nearListeners: z
    .array(listenerName.extend({ at: place, because }))
    .describe("When no listener takes the connection: those that come near, and why they do not"),
  routeConfiguration: z.object({ name: z.string(), at: place, patchedAt }).optional(),
  virtualHost: z.object({ name: z.string(), domain: z.string(), at: place.optional() }).optional(),
  route: z
    .object({
      name: z.string(),
      at: place,
      conditions: z.array(z.string()),
      split: z.object({ name: z.string(), at: place.optional() }).optional(),
    })
    .optional(),
  outcome,
  nearest: z.array(miss).describe("Without a route that matches: those that came nearest"),
  perhaps: z.array(miss).describe("Routes that take the request if what only Envoy knows is so"),
  clusters: z.array(clusterSchema),
  settings: z.array(setting),
  notes: z.array(z.string()),
});

type DeepReadonly<Value> = Value extends object ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> } : Value;

export type ExplanationJson = DeepReadonly<z.infer<typeof explanationSchema>>;
