/**
 * `connection` of a service and a subset: how long Envoy keeps a connection to an endpoint, and what it may hold.
 */
import * as z from "zod";
import { count, policyBlock, scalar } from "./schema-scalars.ts";

/** Envoy's own bound (envoy.config.core.v3.Http2ProtocolOptions). */
const STREAMS_MAX = 2_147_483_647;

const atLeastOne = z.int().min(1).max(4_294_967_295);

export const connectionSchema = policyBlock({
  maxRequestsPerConnection: atLeastOne
    .optional()
    .meta({ description: "After so many requests a connection is closed; no limit when absent.", examples: [1000] }),
  idleTimeout: scalar("duration")
    .optional()
    .meta({ description: "A connection without requests is closed after this; 1h when absent, 0s never." }),
  maxConnectionDuration: scalar("positiveDuration")
    .optional()
    .meta({ description: "A connection gets no new requests after this; no limit when absent." }),
  maxConcurrentStreams: z
    .int()
    .min(1)
    .max(STREAMS_MAX)
    .optional()
    .meta({
      description:
        "Requests at a time on one HTTP/2 or HTTP/3 connection; of `protocol: http2`, `grpc`, `http3` and `auto`.",
      examples: [100],
    }),
  bufferLimit: count.optional().meta({
    description: "Bytes that Envoy holds for a connection before it waits; 32768 when absent.",
    examples: [65536],
  }),
  proxyProtocol: z.enum(["V1", "V2"]).optional().meta({
    description: "Begin each connection with the PROXY protocol, which tells the endpoint who the client is.",
  }),
  tcpKeepalive: policyBlock({
    time: scalar("wholeSeconds").optional().describe("How long a connection is silent before the first probe."),
    interval: scalar("wholeSeconds").optional().describe("The time between two probes."),
    probes: atLeastOne.optional().describe("So many probes without an answer end the connection."),
  })
    .optional()
    .meta({
      description: "Let the kernel ask whether the other side is still there; what is absent is the system's.",
      examples: [{ time: "60s", interval: "10s", probes: 3 }],
    }),
}).meta({
  description: "How connections to the endpoints are kept.",
  examples: [{ maxRequestsPerConnection: 1000, idleTimeout: "5m" }],
});
