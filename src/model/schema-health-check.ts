/**
 * Active health checking: Envoy asks each host itself.
 */
import * as z from "zod";
import { policyBlock, port, refuse, scalar } from "./schema-scalars.ts";

const positiveCount = z.int().min(1).max(4_294_967_295);
const duration = scalar("positiveDuration");

/** Both ends belong to it. */
const statusRange = scalar("statusRange").superRefine((text, context) => {
  const [first = 0, last = 0] = text.split("-").map(Number);
  // A text that is no range has been refused, and is refined all the same.
  if (!(first > last)) return;
  refuse(context, {
    code: "invalid-value",
    message: `the range ${text} ends before it begins`,
    hint: `write ${last}-${first}`,
  });
});

export const healthCheckSchema = policyBlock({
  http: policyBlock({
    path: scalar("urlPath").describe("The path that is asked for."),
    host: scalar("text").optional().describe("The host header; the cluster's name when absent."),
    expectedStatuses: z
      .array(z.union([z.int().min(100).max(599), statusRange]))
      .min(1)
      .optional()
      .meta({ description: "The statuses that mean healthy; 200 when absent.", examples: [[200, 204], ["200-299"]] }),
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
  intervalJitter: duration.optional().describe("Each wait is longer by up to this, so that Envoys do not ask at once."),
  unhealthyInterval: duration
    .optional()
    .describe("The time between checks of a host that failed; the interval when absent."),
  reuseConnection: z.boolean().optional().meta({ description: "false: each check makes a connection of its own." }),
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
