/**
 * Whether a raw resource may have a `ttl`: only what Envoy drops when its time is over.
 *
 * Tried with Envoy 1.36 and 1.40: clusters, listeners, runtime layers and extensions go. Endpoints and routes
 * stay, and on a SotW stream Envoy dies (a segmentation fault) when theirs ends. To virtual hosts a heartbeat is
 * the answer that there is none. Secrets and scoped routes were not tried.
 */
import { present } from "../support/assert.ts";
import { durationMs } from "./duration.ts";
import { deliveredType } from "./delivered-types.ts";
import type { JsonValue } from "./intent.ts";
import type { Path, Problem } from "./position.ts";

const endingTypes = ["Cluster", "Listener", "Runtime", "TypedExtensionConfig"];

const crashes = "on delta Envoy keeps it when its time is over, and on SotW it crashes";
/** Why the others cannot have one, as far as it was tried. */
const reasons: ReadonlyMap<string, string> = new Map([
  ["ClusterLoadAssignment", crashes],
  ["RouteConfiguration", crashes],
  ["VirtualHost", "Envoy takes a heartbeat for the answer that there is none"],
]);

/** A heartbeat comes after half the time, and an Envoy that is busy must not be late for it. */
const TTL_MS_MIN = 1_000;

/** The problems of the `ttl` of one item of `resources`. */
export function checkTtl(path: Path, resource: { readonly [key: string]: JsonValue }): readonly Problem[] {
  const { "@type": typeUrl, ttl } = resource;
  if (typeof ttl !== "string" || typeof typeUrl !== "string") return [];
  const type = deliveredType(typeUrl);
  // Of an unknown type is told elsewhere that it is one.
  if (type === undefined) return [];
  const noun = present(type.split(".").at(-1), "a type has a name");
  const place = { code: "invalid-value", path: [...path, "ttl"], at: "value" } as const;
  if (!endingTypes.includes(noun)) {
    const hint = `remove it; these end: ${endingTypes.join(", ")}`;
    const reason = reasons.get(noun) ?? "it is not known that Envoy drops it";
    return [{ ...place, message: `a ${noun} cannot have a \`ttl\`: ${reason}`, hint }];
  }
  if (durationMs(ttl) >= TTL_MS_MIN) return [];
  return [{ ...place, message: `a \`ttl\` of ${ttl} is too short for heartbeats`, hint: "write 1s or more" }];
}
