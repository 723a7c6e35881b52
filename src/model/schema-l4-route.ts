/**
 * `tcpRoutes`, `tlsRoutes` and `udpRoutes`: where connections and datagrams go whose bytes nobody reads, in Gateway API's words.
 */
import * as z from "zod";
import { block, name, refuse, scalar, weight } from "./schema-scalars.ts";

/** More would be a client's patience, not a gateway's. */
const CONNECT_ATTEMPTS_MAX = 100;

const gateways = z.array(scalar("gatewayReference")).min(1).optional();

const backend = block({
  service: name.describe("The service that gets the connections."),
  subset: name.optional().describe("One subset of the service."),
  weight: weight.optional().meta({ description: "The share of the new connections; 1 when absent." }),
});

const forwarding = {
  backends: z.array(backend).min(1).optional().describe("Where new connections go, by weight."),
  split: name.optional().meta({ description: "The split that holds backends and weights." }),
  timeouts: block({
    idle: scalar("duration")
      .optional()
      .meta({ description: "A connection on which nothing moves is closed after this; 1h when absent, 0s never." }),
    maxConnectionDuration: scalar("positiveDuration")
      .optional()
      .meta({ description: "The longest that a connection may last; no limit when absent." }),
  })
    .optional()
    .meta({ description: "How long connections may take.", examples: [{ idle: "10m" }] }),
  maxConnectAttempts: z
    .int()
    .min(1)
    .max(CONNECT_ATTEMPTS_MAX)
    .optional()
    .meta({ description: "How many endpoints are tried before a client is turned away; 1 when absent." }),
};

export const tcpRouteSchema = block({
  gateways: gateways.meta({ description: "Gateways, or gateway/listener; all TCP listeners when absent." }),
  ...forwarding,
})
  .superRefine(refuseTargets)
  .meta({
    description: "Where the connections of TCP listeners go.",
    examples: [{ gateways: ["data/postgres"], backends: [{ service: "postgres" }] }],
    ...oneTarget(),
  });

export const tlsRouteSchema = block({
  gateways: gateways.meta({ description: "Gateways, or gateway/listener; all TLS listeners when absent." }),
  hostnames: z
    .array(scalar("hostname"))
    .min(1)
    .optional()
    .meta({ description: "The names that clients ask for (SNI); every one, and none, when absent." }),
  ...forwarding,
})
  .superRefine(refuseTargets)
  .meta({
    description: "Where the connections of TLS listeners go, by the name that the client asks for.",
    examples: [{ hostnames: ["db.example.com"], backends: [{ service: "postgres" }] }],
    ...oneTarget(),
  });

export const udpRouteSchema = block({
  gateways: gateways.meta({ description: "Gateways, or gateway/listener; all UDP listeners when absent." }),
  backends: z
    .array(
      block({
        service: name.describe("The service that gets the datagrams."),
        subset: name.optional().describe("One subset of the service."),
      }),
    )
    .min(1)
    .superRefine((backends, context) => {
      if (backends.length < 2) return;
      const message = "a UDP route has one backend: Envoy 1.36 and 1.40 have no weights between clusters of UDP";
      const hint = "keep one; endpoints of one service, each with a `weight`, do share the clients";
      refuse(context, { code: "invalid-value", message, hint, path: [1] });
    })
    .describe("Where the datagrams go: one service."),
  timeouts: block({
    idle: scalar("positiveDuration").optional().meta({
      description: "A client that says nothing, and hears nothing, for so long is forgotten; 1m when absent.",
    }),
  })
    .optional()
    .meta({ description: "How long a session lives.", examples: [{ idle: "10s" }] }),
}).meta({
  description: "Where the datagrams of UDP listeners go.",
  examples: [{ gateways: ["edge/dns"], backends: [{ service: "dns" }] }],
});

/** What any of the three says. */
export interface L4RouteValue {
  readonly gateways?: readonly string[] | undefined;
  readonly hostnames?: readonly string[] | undefined;
  readonly backends?:
    | readonly {
        readonly service: string;
        readonly subset?: string | undefined;
        readonly weight?: number | undefined;
      }[]
    | undefined;
  readonly split?: string | undefined;
  readonly timeouts?:
    | { readonly idle?: string | undefined; readonly maxConnectionDuration?: string | undefined }
    | undefined;
  readonly maxConnectAttempts?: number | undefined;
}

function oneTarget(): object {
  return { oneOf: [{ required: ["backends"] }, { required: ["split"] }] };
}

function refuseTargets(
  {
    backends,
    split,
  }: {
    readonly backends?: readonly { readonly weight?: number | undefined }[] | undefined;
    readonly split?: string | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  if (backends === undefined && split === undefined) {
    const hint = "write where the connections go: `backends: [{ service: … }]`";
    refuse(context, { code: "missing-key", message: "a route needs `backends` or `split`", hint });
  }
  if (backends !== undefined && split !== undefined) {
    const hint = "keep one of them; a split has its own backends";
    refuse(context, {
      code: "invalid-value",
      message: "a route has `backends` or `split`, not both",
      hint,
      path: ["split"],
    });
  }
  if (backends !== undefined && backends.length > 0 && backends.every((target) => target.weight === 0)) {
    const hint = "give one backend a weight above 0";
    refuse(context, { code: "invalid-value", message: "all backends have weight 0", hint, path: ["backends"] });
  }
}
