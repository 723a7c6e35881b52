/**
 * Active health checking: Envoy asks each host itself.
 */
import * as z from "zod";
import { policyBlock, port, refuse, scalar } from "./schema-scalars.ts";

const positiveCount = z.int().min(1).max(4_294_967_295);
const duration = scalar("positiveDuration");

export const healthCheckSchema = policyBlock({
  http: policyBlock({
    path: scalar("urlPath").describe("The path that is asked for."),
    host: scalar("text").optional().describe("The host header; the cluster's name when absent."),
    expectedStatuses: z
      .array(z.int().min(100).max(599))
      .min(1)
      .optional()
      .describe("The statuses that mean healthy; 200 when absent."),
  })
    .optional()
    .describe("Ask by an HTTP request."),
  tcp: policyBlock({}).optional().describe("Ask by connecting."),
  grpc: policyBlock({
    serviceName: scalar("text").optional().describe("The service that is asked about; the whole server when absent."),
  })
    .optional()
    .describe("Ask by gRPC's own health protocol."),
  port: port.optional().describe("The port that is asked, where it is not the endpoint's own."),
  interval: duration.optional().describe("The time between two checks of a host; 5s when absent."),
  timeout: duration.optional().describe("How long an answer may take; 1s when absent."),
  healthyThreshold: positiveCount
    .optional()
    .describe("Passed checks in a row that make a host healthy; 2 when absent."),
  unhealthyThreshold: positiveCount
    .optional()
    .describe("Failed checks in a row that make a host unhealthy; 3 when absent."),
})
  .superRefine((check, context) => {
    const kinds = (["http", "tcp", "grpc"] as const).filter((kind) => check[kind] !== undefined);
    if (kinds.length < 2) return;
    const message = `a health check is one of http, tcp and grpc, not ${kinds.join(" and ")}`;
    refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: [kinds[1] ?? "tcp"] });
  })
  .meta({
    description: "Active health checking: one of http, tcp and grpc.",
    examples: [{ http: { path: "/healthz" }, interval: "5s", unhealthyThreshold: 2 }],
  });
