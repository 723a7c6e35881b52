/**
 * `nodes` and `gateways`: which Envoys and gRPC clients there are, and what they listen on or ask for.
 */
import * as z from "zod";
import { accessLogSchema } from "./schema-access-log.ts";
import { clientIPDetection, headerSettings, pathSettings } from "./schema-client-traffic.ts";
import { http2Schema, refuseHttp2 } from "./schema-http2.ts";
import { http3Schema, refuseHttp3 } from "./schema-http3.ts";
import { attachedPolicies } from "./schema-policy.ts";
import { block, ipAddress, name, oneOrMore, port, refuse, scalar } from "./schema-scalars.ts";
import { listenerTlsSchema } from "./schema-tls.ts";
import { gatewayTracingSchema } from "./schema-tracing.ts";

/** Beyond what one machine serves. */
const CONNECTIONS_MAX = 100_000_000;

const scalarValue = z.union([z.string({ error: "text" }), z.number(), z.boolean()]);

const match = block({
  id: oneOrMore(scalar("text")).optional().meta({ description: "Envoy's node.id: one of these." }),
  cluster: oneOrMore(scalar("text")).optional().meta({ description: "Envoy's node.cluster: one of these." }),
  metadata: z
    .record(scalar("metadataPath"), scalarValue)
    .optional()
    .meta({
      description: "Paths in Envoy's node.metadata and their values.",
      examples: [{ "deploy.stage": "canary" }],
    }),
  locality: block({
    region: scalar("text").optional().describe("Envoy's node.locality.region."),
    zone: scalar("text").optional().describe("Envoy's node.locality.zone."),
    subZone: scalar("text").optional().describe("Envoy's node.locality.sub_zone."),
  })
    .optional()
    .describe("Where the Envoy runs."),
}).meta({ description: "All given conditions must hold.", examples: [{ cluster: "edge" }] });

export const nodeGroupSchema = block({
  match: match.optional().meta({ description: "Which Envoys belong to the group; all when absent." }),
  services: z.array(name).optional().meta({ description: "The services this group gets; all when absent." }),
  consistency: z
    .enum(["strict", "warn"])
    .optional()
    .meta({ description: "What a dangling reference among raw resources is." }),
  removalGuard: z
    .union([
      z.literal("off"),
      block({
        percent: z.int().min(1).max(100).optional().describe("More than this share of a type is held; 20 when absent."),
        minimum: z.int().min(1).max(1_000_000).optional().describe("Fewer than this are never held; 3 when absent."),
      }),
    ])
    .optional()
    .meta({ description: "When a change that removes much is held; 20 % and at least 3 when absent." }),
  runtime: z
    .record(scalar("metadataPath"), scalarValue)
    .optional()
    .meta({
      description:
        "The group's Envoys have a runtime layer (`fairway bootstrap --runtime`): Envoy's runtime keys and their values, which may be none.",
      examples: [{ "upstream.healthy_panic_threshold": 20 }],
    }),
  routeReports: z
    .boolean()
    .optional()
    .describe("While a rollout is on, the group's Envoys tell which requests of it went wrong; needs `runtime`."),
  onDemand: block({
    clusters: z.boolean().describe("The clusters that only the routes of HTTP lead to are sent to who asks for them."),
    timeout: scalar("positiveDuration")
      .optional()
      .meta({ description: "How long a request waits for its cluster; 5s when absent." }),
  })
    .optional()
    .meta({
      description: "What the group's Envoys ask for when a request needs it, instead of having it from the start.",
      examples: [{ clusters: true }],
    }),
  updates: block({
    grace: scalar("duration")
      .optional()
      .meta({ description: "How long the old route's clusters stay; 30s when absent." }),
    deadline: scalar("positiveDuration")
      .optional()
      .meta({ description: "How long an Envoy may take to acknowledge; 15s when absent." }),
    onDeadline: z
      .enum(["hold", "proceed"])
      .optional()
      .describe("What happens when it takes longer: hold waits and removes nothing, and is the default."),
  })
    .optional()
    .describe("How a change is rolled in."),
})
  .superRefine(({ routeReports, runtime }, context) => {
    if (routeReports !== true || runtime !== undefined) return;
    const message = "`routeReports` is turned on and off by the runtime layer, and the group has none";
    const hint = "write `runtime: {}` beside it, for Envoys that are started with `fairway bootstrap --runtime`";
    refuse(context, { code: "invalid-value", message, hint, path: ["routeReports"] });
  })
  .meta({ description: "Envoys that share one snapshot.", examples: [{ match: { cluster: "edge" } }] });

const connectionLimit = block({
  maxConnections: z.int().min(1).max(CONNECTIONS_MAX).meta({
    description: "Connections at a time to this listener of one Envoy; what comes beyond is closed.",
  }),
  delay: scalar("positiveDuration").optional().meta({
    description: "How long a connection beyond the limit is left open, so that clients do not come back at once.",
  }),
}).meta({ description: "How many connections the listener takes.", examples: [{ maxConnections: 10000 }] });

const gatewayTimeouts = block({
  idle: scalar("duration").optional().meta({ description: "A connection without requests is closed after this; 1h." }),
  streamIdle: scalar("duration")
    .optional()
    .meta({ description: "How long nothing may move of a request, unless its rule says `idle`; 5m." }),
  requestHeaders: scalar("duration").optional().meta({ description: "How long the headers may take to arrive; 10s." }),
  maxStreamDuration: scalar("duration").optional().meta({
    description: "The longest that a request or stream may last, uploads and downloads included; no limit.",
  }),
  maxConnectionDuration: scalar("duration").optional().meta({
    description: "A connection is told to end after this, when its requests are done; no limit.",
  }),
}).meta({
  description: "How long clients may take; what is absent is the default, and 0s is for ever.",
  examples: [{ idle: "10m", streamIdle: "1m", requestHeaders: "5s" }],
});

const listener = block({
  name: name.describe("Routes name it as gateway/listener."),
  port: port
    .optional()
    .describe("The port that Envoy listens on; of GRPC_XDS what clients write behind the name, if they do."),
  address: ipAddress.optional().meta({ description: "Every IPv4 address when absent." }),
  protocol: z.enum(["HTTP", "HTTPS", "TCP", "TLS", "UDP", "GRPC_XDS"]).optional().meta({
    description:
      "HTTP when absent; HTTPS needs `tls`; TCP has `tcpRoutes`; TLS needs `tls` and has `tlsRoutes`; UDP has `udpRoutes`; GRPC_XDS is for gRPC clients without an Envoy.",
  }),
  hostnames: z.array(scalar("hostname")).min(1).optional().meta({
    description:
      "Only these; of HTTPS and TLS the names that clients ask for (SNI), of GRPC_XDS the `name` in `xds:///name`. All when absent.",
  }),
  tls: listenerTlsSchema.optional(),
  http2: http2Schema.optional(),
  http3: http3Schema.optional(),
  connectionLimit: connectionLimit.optional(),
  proxyProtocol: block({
    optional: z
      .boolean()
      .optional()
      .meta({ description: "Connections without it are taken too: then anybody can claim to be anybody." }),
  })
    .optional()
    .meta({
      description: "Connections begin with the PROXY protocol, in which a load balancer says who the client is.",
      examples: [{}],
    }),
  originalDestination: z.boolean().optional().meta({
    description: "Connections are led here by the firewall: Envoy asks the kernel where each of them wanted to go.",
  }),
  useOriginalDst: z.boolean().optional().meta({
    description:
      "As `originalDestination`, and a connection goes to the listener of the port that it wanted to, where there is one.",
  }),
  bindToPort: z.boolean().optional().meta({
    description:
      "With false no Envoy opens the port: the listener has the connections that one with `useOriginalDst` hands over.",
  }),
}).superRefine((written, context) => {
  const { protocol } = written;
  refuseNoSocket(written, context);
  if (protocol === "GRPC_XDS") refuseForGrpc(written, context);
  else if (written.port === undefined) {
    const hint = "write the port that Envoy listens on, such as `port: 8080`";
    refuse(context, { code: "missing-key", message: "a listener needs a `port`", hint });
  }
  refuseTls(written, context);
  refuseHttp2(written, context);
  refuseHttp3(written, context);
  if (protocol === "UDP") refuseForUdp(written, context);
  if (protocol === "TCP" && written.hostnames !== undefined) {
    const hint = "remove it, or write `protocol: TLS`: only TLS says which name is asked for";
    refuse(context, { code: "invalid-value", message: "TCP knows no hostnames", hint, path: ["hostnames"] });
  }
});

/** TLS where it is spoken or passed through, and nowhere else. */
function refuseTls(
  {
    protocol,
    tls,
  }: { readonly protocol?: string | undefined; readonly tls?: z.infer<typeof listenerTlsSchema> | undefined },
  context: z.core.$RefinementCtx,
): void {
  const ways = "`tls: { secret: … }` with a name under `secrets`";
  if (protocol === "HTTPS" && tls === undefined) {
    refuse(context, { code: "missing-key", message: "an HTTPS listener needs `tls`", hint: `write ${ways}` });
  } else if (protocol === "HTTPS" && tls?.mode === "passthrough") {
    const hint = "write `protocol: TLS`: of what passes through nobody reads the requests";
    refuse(context, { code: "invalid-value", message: "HTTPS is never passed through", hint, path: ["tls", "mode"] });
  } else if (protocol === "TLS" && tls === undefined) {
    const hint = `write \`tls: { mode: passthrough }\`, or ${ways}`;
    refuse(context, { code: "missing-key", message: "a TLS listener needs `tls`", hint });
  } else if (protocol !== "HTTPS" && protocol !== "TLS" && tls !== undefined) {
    const hints: Readonly<Record<string, string>> = {
      TCP: "write `protocol: TLS` instead",
      UDP: "remove it: nobody reads the datagrams",
    };
    const hint = hints[protocol ?? "HTTP"] ?? "write `protocol: HTTPS` beside it";
    refuse(context, { code: "invalid-value", message: "`tls` belongs to HTTPS and TLS", hint, path: ["tls"] });
  }
}

/** Words for connections that the firewall leads here. */
const redirectedWords = ["originalDestination", "useOriginalDst", "bindToPort"] as const;

/** A connection is handed over once. */
function refuseNoSocket(
  { bindToPort, useOriginalDst }: { readonly [Key in "bindToPort" | "useOriginalDst"]?: boolean | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (bindToPort !== false || useOriginalDst !== true) return;
  const message = "a listener that is handed connections hands none over";
  const hint =
    "keep `useOriginalDst` at the listener that the firewall leads to, and `bindToPort: false` at the others";
  refuse(context, { code: "invalid-value", message, hint, path: ["useOriginalDst"] });
}

/** What belongs to connections, which UDP has not. */
function refuseForUdp(written: object, context: z.core.$RefinementCtx): void {
  for (const key of ["hostnames", "connectionLimit", "proxyProtocol", ...redirectedWords]) {
    if (!Object.hasOwn(written, key)) continue;
    const hint = "remove it: UDP has no connections, and nobody reads the datagrams";
    refuse(context, { code: "invalid-value", message: `\`${key}\` has no meaning for UDP`, hint, path: [key] });
  }
}

/** What gRPC clients have no use for, and what they need. */
function refuseForGrpc(
  written: {
    readonly address?: string | undefined;
    readonly hostnames?: readonly string[] | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const { address, hostnames = [] } = written;
  for (const key of ["connectionLimit", "proxyProtocol", ...redirectedWords]) {
    if (!Object.hasOwn(written, key)) continue;
    const hint = "remove it: gRPC clients connect to the endpoints themselves";
    refuse(context, { code: "invalid-value", message: "nobody listens for GRPC_XDS", hint, path: [key] });
  }
  if (address !== undefined) {
    const hint = "remove it: gRPC clients connect to the endpoints themselves";
    refuse(context, { code: "invalid-value", message: "nobody listens for GRPC_XDS", hint, path: ["address"] });
  }
  if (hostnames.length === 0) {
    const hint = "write what clients ask for: `hostnames: [orders]` is for `xds:///orders`";
    refuse(context, { code: "missing-key", message: "a GRPC_XDS listener needs `hostnames`", hint });
  }
  for (const [index, hostname] of hostnames.entries()) {
    if (!hostname.includes("*")) continue;
    const message = `gRPC clients ask for whole names, not for "${hostname}"`;
    const hint = "list every name that clients ask for";
    refuse(context, { code: "invalid-value", message, hint, path: ["hostnames", index] });
  }
}

export const gatewaySchema = block({
  nodes: oneOrMore(name).optional().meta({ description: "Node groups; all when absent." }),
  listeners: z.array(listener).min(1).describe("What Envoy listens on."),
  policies: attachedPolicies.optional(),
  accessLogs: z
    .array(accessLogSchema)
    .min(1)
    .optional()
    .describe("What is written down of requests; nothing when absent."),
  tracing: gatewayTracingSchema.optional(),
  timeouts: gatewayTimeouts.optional(),
  clientIPDetection: clientIPDetection.optional(),
  path: pathSettings.optional(),
  headers: headerSettings.optional(),
  drain: block({
    time: scalar("wholeSeconds").meta({
      description: "The `--drain-time-s` that the gateway's Envoys are started with; 10m when absent.",
    }),
  })
    .optional()
    .meta({
      description: "How long connections live on when their listener was changed or removed.",
      examples: [{ time: "60s" }],
    }),
})
  .superRefine(({ listeners, headers }, context) => {
    const { mode } = headers?.xForwardedClientCert ?? {};
    if (mode === undefined || mode === "Sanitize" || mode === "AlwaysForwardOnly") return;
    if (listeners.some(({ tls }) => tls?.clientCa !== undefined)) return;
    const message = `${mode} is for clients with a certificate, and no listener asks for one`;
    const hint = "write `clientCa` in the `tls` of a listener";
    refuse(context, { code: "invalid-value", message, hint, path: ["headers", "xForwardedClientCert", "mode"] });
  })
  .meta({ description: "A set of listeners.", examples: [{ listeners: [{ name: "http", port: 8080 }] }] });
