/**
 * `routes`: which request goes where, in Gateway API's words.
 */
import * as z from "zod";
import { backendFilters, ruleFilters } from "./schema-filter.ts";
import { grpcMatch, pathMatch, valueMatch } from "./schema-match.ts";
import { attachedPolicies, timeouts, upgrades } from "./schema-policy.ts";
import { retry } from "./schema-retry.ts";
import { block, name, refuse, scalar, weight } from "./schema-scalars.ts";
import { ruleTracingSchema } from "./schema-tracing.ts";

const match = block({
  path: pathMatch.optional(),
  method: scalar("method").optional().describe("The HTTP method."),
  grpc: grpcMatch.optional(),
  headers: z.record(scalar("headerName"), valueMatch).optional().describe("Headers by name; all must match."),
  queryParams: z.record(scalar("text"), valueMatch).optional().describe("Query parameters by name; all must match."),
})
  .superRefine((value, context) => {
    if (value.grpc === undefined) return;
    for (const key of ["path", "method", "queryParams"] as const) {
      if (value[key] === undefined) continue;
      const message = `\`${key}\` cannot stand beside \`grpc\`: a gRPC request is a POST to /service/method without a query`;
      const hint = "remove it; `service` and `method` below `grpc` say which request is meant";
      refuse(context, { code: "invalid-value", message, hint, path: [key] });
    }
  })
  .meta({ description: "All conditions must hold.", examples: [{ path: "/shop", method: "GET" }] });

const backend = block({
  service: name.describe("The service that gets the requests."),
  subset: name.optional().describe("One subset of the service."),
  weight: weight.optional().meta({ description: "The share of this backend; 1 when absent." }),
  filters: backendFilters.optional(),
});

const rule = block({
  name: name.optional().meta({ description: "Shown in statistics and logs; made from the position when absent." }),
  matches: z.array(match).min(1).optional().meta({ description: "Any of them suffices; every request when absent." }),
  backends: z.array(backend).min(1).optional().describe("Where the requests go, by weight."),
  split: name.optional().meta({ description: "The split that holds backends and weights." }),
  filters: ruleFilters.optional(),
  timeouts: timeouts.optional(),
  retry: retry.optional(),
  upgrades: upgrades.optional(),
  tracing: ruleTracingSchema.optional(),
  policies: attachedPolicies.optional(),
  priority: z
    .enum(["default", "high"])
    .optional()
    .meta({ description: "high: counts against `circuitBreaker.high` of its service; default when absent." }),
  connect: z.enum(["terminate", "forward"]).optional().meta({
    description:
      "The rule takes CONNECT requests, and no others. terminate: the backends get the bytes inside, as TCP; forward: they get the request as it is.",
  }),
})
  .superRefine(refuseForConnect)
  .superRefine((value, context) => {
    if (value.priority !== undefined && value.backends === undefined && value.split === undefined) {
      const message = "`priority` belongs to a rule with backends";
      refuse(context, { code: "invalid-value", message, hint: "remove it", path: ["priority"] });
    }
    const answers = value.filters?.some((filter) => filter.redirect !== undefined || filter.respond !== undefined);
    if (value.backends === undefined && value.split === undefined && answers !== true) {
      refuse(context, {
        code: "missing-key",
        message: "a rule needs `backends` or `split`, or a filter that answers: `redirect` or `respond`",
        hint: "write where the requests go",
      });
    }
    if (value.backends !== undefined && value.split !== undefined) {
      const hint = "keep one of them; a split has its own backends";
      refuse(context, {
        code: "invalid-value",
        message: "a rule has `backends` or `split`, not both",
        hint,
        path: ["split"],
      });
    }
    if (value.backends?.every((target) => target.weight === 0) === true && value.backends.length > 0) {
      const hint = "give one backend a weight above 0";
      refuse(context, { code: "invalid-value", message: "all backends have weight 0", hint, path: ["backends"] });
    }
  })
  .meta({
    anyOf: [{ required: ["backends"] }, { required: ["split"] }, { required: ["filters"] }],
    not: { required: ["backends", "split"] },
  });

/** A CONNECT has no path, and ends where it is answered. */
function refuseForConnect(
  value: {
    readonly connect?: string | undefined;
    readonly backends?: object | undefined;
    readonly split?: string | undefined;
    readonly matches?: readonly z.infer<typeof match>[] | undefined;
    readonly filters?: readonly object[] | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  if (value.connect === undefined) return;
  const message = "`connect` belongs to a rule with backends";
  if (value.backends === undefined && value.split === undefined) {
    refuse(context, { code: "invalid-value", message, hint: "write where the bytes go", path: ["connect"] });
  }
  for (const [index, each] of (value.matches ?? []).entries()) {
    for (const key of ["path", "method", "queryParams"] as const) {
      if (each[key] === undefined) continue;
      refuse(context, {
        code: "invalid-value",
        message: `\`${key}\` has no meaning for CONNECT, which names a host and a port only`,
        hint: "remove it; `hostnames` of the route and `headers` do match",
        path: ["matches", index, key],
      });
    }
  }
  for (const [index, filter] of (value.filters ?? []).entries()) {
    for (const key of ["rewrite", "mirror"]) {
      if (!Object.hasOwn(filter, key)) continue;
      const hint = "remove it: there is no request behind it that could be changed or copied";
      const problem = { code: "invalid-value", message: `\`${key}\` has no meaning for CONNECT`, hint } as const;
      refuse(context, { ...problem, path: ["filters", index, key] });
    }
  }
}

export const routeSchema = block({
  gateways: z
    .array(scalar("gatewayReference"))
    .min(1)
    .optional()
    .meta({ description: "Gateways, or gateway/listener; all gateways when absent." }),
  hostnames: z.array(scalar("hostname")).min(1).optional().meta({ description: "Every host when absent." }),
  policies: attachedPolicies.optional(),
  rules: z
    .array(rule)
    .min(1)
    .describe("What is matched and where it goes; the most specific match wins, whatever the order."),
}).meta({
  description: "Rules for the requests of some hostnames.",
  examples: [{ hostnames: ["shop.example.com"], rules: [{ backends: [{ service: "shop" }] }] }],
});
