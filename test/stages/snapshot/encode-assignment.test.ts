/**
 * A load assignment that is written without a message is the same as one that is encoded by its descriptors.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createAssignmentEncoder } from "../../../src/snapshot/encode-assignment.ts";
import { encodeContent } from "../../../src/snapshot/encode-content.ts";
import type { EncodingTools } from "../../../src/snapshot/encode-content.ts";
import { createReferenceFinder } from "../../../src/snapshot/references.ts";
import type { EnvoyResource } from "../../../src/translate/envoy-resource.ts";
import { envoyResource, envoyTypes } from "../../../src/translate/envoy-resource.ts";
import { translateLoadAssignment } from "../../../src/translate/load-assignment.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const tools: EncodingTools = { api: envoyApi, references: createReferenceFinder(envoyApi) };
const at = { file: "a.yaml", line: 1, column: 1 };

const texts = [
  "a",
  "v1",
  "zone-1",
  "x".repeat(127),
  "x".repeat(128),
  "",
  "é",
  "\ud800",
  "\u007f",
  "__proto__",
  "10",
  "9",
];
const text = fc.constantFrom(...texts);
const host = fc.constantFrom("10.0.0.1", "10.0.0.2", "192.168.100.200", "2001:db8::1", "fe80::1%eth0", "a.example", "");
const port = fc.constantFrom(0, 1, 80, 127, 128, 8080, 65_535, 65_536, 1.5, -1);
const weight = fc.constantFrom(1, 2, 127, 128, 1_000_000, 0x3fff_ffff, 0x4000_0000, 0xffff_ffff, 0, -1);
const locality = fc.record({ region: text, zone: text, subZone: text }, { requiredKeys: ["region"] });
const endpoint = fc.record(
  {
    at: fc.constant(at),
    host,
    port,
    labels: fc.dictionary(text, text, { maxKeys: 4 }),
    locality,
    weight,
    priority: fc.constantFrom(0, 1, 128, 129),
    health: fc.constantFrom("healthy" as const, "draining" as const, "unhealthy" as const),
  },
  { requiredKeys: ["at", "host", "port", "labels"] },
);
const rightEndpoint = fc.record(
  {
    at: fc.constant(at),
    host: fc.constantFrom("10.0.0.1", "10.200.0.2", "2001:db8::1"),
    port: fc.integer({ min: 1, max: 65_535 }),
    labels: fc.dictionary(fc.constantFrom("version", "a.b/c", "x".repeat(100)), fc.constantFrom("v1", "y".repeat(120))),
    locality: fc.record({ region: fc.constantFrom("eu", "us"), zone: fc.constant("a") }, { requiredKeys: ["region"] }),
    weight: fc.constantFrom(1, 127, 128, 1_000_000),
    priority: fc.constantFrom(0, 1, 128),
    health: fc.constantFrom("healthy" as const, "draining" as const, "unhealthy" as const),
  },
  { requiredKeys: ["at", "host", "port", "labels"] },
);
const assignment = fc
  .tuple(
    fc.constantFrom("shop", "shop|v1", "shop.eu-1", "x".repeat(200)),
    fc.oneof(fc.array(endpoint, { maxLength: 2 }), {
      weight: 2,
      arbitrary: fc.array(rightEndpoint, { maxLength: 60 }),
    }),
    fc.constantFrom(undefined, undefined, 80, 0, 65_536),
  )
  .map(([name, endpoints, checkPort]) =>
    envoyResource(
      envoyTypes.endpoints,
      name,
      translateLoadAssignment(name, endpoints, { healthCheckPort: checkPort }),
      at,
    ),
  );

/** What `translate` does not write, at any place of the JSON. */
const strange = fc.constantFrom<unknown>(
  null,
  "",
  "x",
  0,
  -0,
  1,
  true,
  [],
  {},
  [null],
  { a: 1 },
  Number.NaN,
  undefined,
);
const strangeKey = fc.constantFrom("name", "endpoint", "address", "lb_endpoints", "metadata", "portValue", "namedPort");

test("bytes, version and count are those of the descriptors, and what is wrong is left to them", () => {
  const encode = createAssignmentEncoder();
  let quick = 0;
  let right = 0;
  const compare = (resource: EnvoyResource): void => {
    const whole = encodeContent(resource, tools);
    const written = encode(resource);
    right += whole.ok ? 1 : 0;
    if (written === undefined) return;
    quick += 1;
    expect({ ...written, body: Buffer.from(written.body) }).toEqual(
      whole.ok ? { ...whole.value, body: Buffer.from(whole.value.body) } : whole.error,
    );
  };
  fc.assert(fc.property(assignment, compare), { numRuns: 1_500, seed: 1 });
  // Most of what is right, but for exotic texts, is written quickly.
  expect(quick).toBeGreaterThan(400);
  expect(quick).toBeGreaterThan(right * 0.5);
  fc.assert(
    fc.property(assignment, fc.nat(), fc.option(strangeKey), strange, (resource, place, key, value) => {
      compare({ ...resource, json: damaged(resource.json, { place, key, value }) as EnvoyResource["json"] });
    }),
    { numRuns: 3_000, seed: 2 },
  );
});

test("with time to live, another name or another type it is not its work", () => {
  const encode = createAssignmentEncoder();
  const resource = envoyResource(envoyTypes.endpoints, "shop", translateLoadAssignment("shop", []), at);
  expect(encode(resource)).toBeDefined();
  expect(encode({ ...resource, ttlMs: 1_000 })).toBeUndefined();
  expect(encode({ ...resource, name: "other" })).toBeUndefined();
  expect(encode({ ...resource, typeUrl: envoyTypes.cluster })).toBeUndefined();
});

/** The JSON with one value of it replaced, or with one more field in one of its maps. */
function damaged(
  json: unknown,
  damage: { readonly place: number; readonly key: string | null; readonly value: unknown },
) {
  const copy = structuredClone(json) as object;
  const places: { readonly parent: Record<string, unknown>; readonly key: string }[] = [];
  const collect = (parent: Record<string, unknown>): void => {
    for (const key of Object.keys(parent)) {
      places.push({ parent, key });
      const child = parent[key];
      if (typeof child === "object" && child !== null) collect(child as Record<string, unknown>);
    }
  };
  collect(copy as Record<string, unknown>);
  const chosen = places[damage.place % places.length];
  if (chosen === undefined) return copy;
  const child = chosen.parent[chosen.key];
  if (damage.key !== null && typeof child === "object" && child !== null && !Array.isArray(child)) {
    (child as Record<string, unknown>)[damage.key] = damage.value;
  } else chosen.parent[chosen.key] = damage.value;
  return copy;
}
