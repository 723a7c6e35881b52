/**
 * `policies`: what is written once and attached where it shall hold: timeouts, retries, header changes, and the parts
 * that Envoy does with HTTP filters.
 */
import * as z from "zod";
import { durationMs, durationPattern } from "./duration.ts";
import { filterPartSchemas } from "./filter-parts.ts";
import { headerChanges } from "./schema-filter.ts";
import { retry } from "./schema-retry.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";
import { ruleTracingSchema } from "./schema-tracing.ts";

export const timeouts = block({
  request: scalar("duration").optional().meta({ description: "The whole request, all tries; 15s when absent." }),
  backendRequest: scalar("duration").optional().meta({ description: "One try; as long as the request when absent." }),
  idle: scalar("duration").optional().meta({ description: "How long nothing may move; 5m when absent." }),
  grpcTimeoutHeaderMax: scalar("duration").optional().meta({
    description:
      "A gRPC call may take as long as its client says (`grpc-timeout`), but not longer than this; `request` is then for calls that do not say it.",
  }),
})
  .superRefine(({ request, backendRequest }, context) => {
    if (request === undefined || backendRequest === undefined) return;
    // A text that is no duration has been refused, and is refined all the same.
    if (!durationPattern.test(request) || !durationPattern.test(backendRequest)) return;
    const [requestMs, backendRequestMs] = [durationMs(request), durationMs(backendRequest)];
    if (requestMs === 0 || backendRequestMs <= requestMs) return;
    const message = `one try cannot take longer (${backendRequest}) than the whole request (${request})`;
    const hint = "shorten `backendRequest`, or lengthen `request`";
    refuse(context, { code: "invalid-value", message, hint, path: ["backendRequest"] });
  })
  .meta({ description: "How long things may take; 0s is for ever.", examples: [{ request: "3s", idle: "60s" }] });

export const upgrades = z
  .array(scalar("upgradeType"))
  .superRefine((types, context) => {
    const seen = new Set<string>();
    for (const [index, type] of types.entries()) {
      if (seen.has(type.toLowerCase())) {
        const message = `the upgrade \`${type}\` is written twice`;
        refuse(context, { code: "duplicate-name", message, hint: "keep one of them", path: [index] });
      }
      seen.add(type.toLowerCase());
    }
  })
  .meta({
    description: "Protocols that a request may change its connection to (`Upgrade`); none when absent.",
    examples: [["websocket"]],
  });

export const policySchema = block({
  timeouts: timeouts.optional(),
  retry: retry.optional(),
  upgrades: upgrades.optional(),
  tracing: ruleTracingSchema.optional(),
  requestHeaders: headerChanges.optional(),
  responseHeaders: headerChanges.optional(),
  ...filterPartSchemas,
}).meta({
  description: "Parts that hold wherever the policy is attached and nothing nearer holds the same part.",
  examples: [{ timeouts: { request: "3s" }, retry: { attempts: 2, on: ["connect-failure"] } }],
});

/** The parts that a policy can hold. */
export const policyPartNames: readonly string[] = Object.keys(policySchema.shape);

export const attachedPolicies = z
  .array(name)
  .min(1)
  .meta({ description: "Policies that hold here; those of a rule before its route's, those before its gateway's." });
