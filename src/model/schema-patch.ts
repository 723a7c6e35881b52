/**
 * `patches`: the last resort, a change to an Envoy resource that Fairway has made.
 */
import * as z from "zod";
import { closestName } from "./closest-name.ts";
import { deliveredNouns, deliveredType } from "./delivered-types.ts";
import { block, name, oneOrMore, refuse, scalar } from "./schema-scalars.ts";

const resourceType = z
  .string({ error: "text" })
  .superRefine((written, context) => {
    if (deliveredType(written) !== undefined) return;
    const near = closestName(written, deliveredNouns);
    const hint = near === undefined ? `xDS delivers ${deliveredNouns.join(", ")}` : `did you mean \`${near}\`?`;
    refuse(context, { code: "invalid-value", message: `xDS delivers no resources of type "${written}"`, hint });
  })
  .meta({
    description: "Cluster, ClusterLoadAssignment, Listener, RouteConfiguration or another type that xDS delivers.",
    examples: ["Cluster", "Listener"],
  });

const pointer = scalar("jsonPointer").meta({
  description: "Where, as a JSON pointer (RFC 6901); fields in either spelling.",
  examples: ["/filter_chains/0/filters/0/typed_config/http_filters/0"],
});

const operation = block({
  op: z.enum(["add", "remove", "replace", "move", "copy", "test"]).meta({ description: "What is done (RFC 6902)." }),
  path: pointer,
  from: pointer.optional().meta({ description: "Where `move` and `copy` take the value from." }),
  value: z.unknown().optional().meta({ description: "What `add`, `replace` and `test` write or expect." }),
}).superRefine((step, context) => {
  const needsFrom = step.op === "move" || step.op === "copy";
  const needsValue = step.op === "add" || step.op === "replace" || step.op === "test";
  for (const [key, needed] of [
    ["from", needsFrom],
    ["value", needsValue],
  ] as const) {
    const written = Object.hasOwn(step, key);
    if (written === needed) continue;
    const code = needed ? "missing-key" : "invalid-value";
    const message = needed ? `\`${step.op}\` needs \`${key}\`` : `\`${step.op}\` has no \`${key}\``;
    refuse(context, { code, message, hint: needed ? "see RFC 6902" : "remove it", ...(needed ? {} : { path: [key] }) });
  }
});

export const patchSchema = block({
  target: block({
    type: resourceType,
    name: scalar("text").meta({
      description: "The name of the resource as `fairway render` shows it, or * for all of the type.",
      examples: ["reviews|canary", "public/http", "*"],
    }),
  }).meta({ description: "Which resource is changed; a patch that matches nothing is an error." }),
  nodes: oneOrMore(name).optional().meta({ description: "Node groups; wherever the target is, when absent." }),
  merge: z
    .looseObject({}, { error: "map" })
    .optional()
    .meta({
      description: "Fields to set, merged into the resource (RFC 7396): null removes, a list replaces the list.",
      examples: [{ per_connection_buffer_limit_bytes: 65_536 }],
    }),
  jsonPatch: z.array(operation).min(1).optional().meta({ description: "Steps of a JSON patch (RFC 6902)." }),
})
  .superRefine((patch, context) => {
    if ((patch.merge === undefined) !== (patch.jsonPatch === undefined)) return;
    const both = patch.merge !== undefined;
    refuse(context, {
      code: both ? "invalid-value" : "missing-key",
      message: both ? "a patch has `merge` or `jsonPatch`, not both" : "a patch needs `merge` or `jsonPatch`",
      hint: both ? "write two patches; they are applied in the order written" : "write what is to be changed",
      ...(both ? { path: ["jsonPatch"] } : {}),
    });
  })
  .meta({
    description: "A change to a resource that Fairway has made, for what no other key can say.",
    examples: [{ target: { type: "Cluster", name: "shop" }, merge: { per_connection_buffer_limit_bytes: 65_536 } }],
  });
