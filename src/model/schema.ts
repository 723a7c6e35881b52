/**
 * The whole vocabulary: what one config document may say.
 *
 * `fairway schema` prints it as JSON Schema. The types here are what the builders read after the check; the
 * proto spellings of policy keys are allowed in the values and absent from the types.
 */
import * as z from "zod";
import { tcpRouteSchema, tlsRouteSchema, udpRouteSchema } from "./schema-l4-route.ts";
import { gatewaySchema, nodeGroupSchema } from "./schema-nodes.ts";
import { patchSchema } from "./schema-patch.ts";
import { policySchema } from "./schema-policy.ts";
import { routeSchema } from "./schema-route.ts";
import { block, name, oneOrMore, scalar } from "./schema-scalars.ts";
import { secretSchema } from "./schema-secret.ts";
import type { subsetSchema } from "./schema-service.ts";
import { serviceSchema } from "./schema-service.ts";
import { splitSchema } from "./schema-split.ts";

const rawResource = z
  .looseObject(
    {
      "@type": scalar("text").describe("The type URL of a message that xDS delivers."),
      nodes: oneOrMore(name).optional().describe("Node groups that get it; all when absent."),
      ttl: scalar("positiveDuration")
        .optional()
        .describe("Envoy drops it when the control plane is gone for so long; it stays when absent."),
    },
    { error: "map" },
  )
  .meta({
    description:
      "An Envoy resource in proto3 JSON, with `@type`; `nodes` names the groups that get it, `ttl` ends it without a control plane.",
    examples: [{ "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "raw" }],
  });

/** One document. */
export const documentSchema = block({
  nodes: z
    .record(name, nodeGroupSchema)
    .optional()
    .meta({ description: "Who gets what. Without it, one group named default has all Envoys." }),
  gateways: z.record(name, gatewaySchema).optional().meta({ description: "What Envoys listen on." }),
  services: z.record(name, serviceSchema).optional().meta({ description: "Where requests can go." }),
  routes: z.record(name, routeSchema).optional().meta({ description: "Which request goes where." }),
  tcpRoutes: z
    .record(name, tcpRouteSchema)
    .optional()
    .meta({ description: "Where the connections of TCP listeners go." }),
  tlsRoutes: z
    .record(name, tlsRouteSchema)
    .optional()
    .meta({ description: "Where the connections of TLS listeners go, by the name that the client asks for." }),
  udpRoutes: z
    .record(name, udpRouteSchema)
    .optional()
    .meta({ description: "Where the datagrams of UDP listeners go." }),
  splits: z.record(name, splitSchema).optional().meta({ description: "Weighted backends with a name." }),
  policies: z
    .record(name, policySchema)
    .optional()
    .meta({ description: "Timeouts, retries, header changes and filters to attach to gateways, routes and rules." }),
  secrets: z.record(name, secretSchema).optional().meta({ description: "Certificates, keys and authorities." }),
  resources: z.array(rawResource).optional().meta({ description: "Raw Envoy resources." }),
  patches: z.array(patchSchema).optional().meta({ description: "Changes to resources that Fairway has made." }),
}).meta({
  title: "Fairway configuration",
  description: "One document; all documents of a directory are merged by name.",
});

export type DocumentValue = z.infer<typeof documentSchema>;
export type NodeGroupValue = z.infer<typeof nodeGroupSchema>;
export type GatewayValue = z.infer<typeof gatewaySchema>;
export type ServiceValue = z.infer<typeof serviceSchema>;
export type SubsetValue = z.infer<typeof subsetSchema>;
export type RouteValue = z.infer<typeof routeSchema>;
export type PolicyValue = z.infer<typeof policySchema>;
export type SplitValue = z.infer<typeof splitSchema>;
export type SecretValue = z.infer<typeof secretSchema>;
export type RawResourceValue = z.infer<typeof rawResource>;
export type PatchValue = z.infer<typeof patchSchema>;
