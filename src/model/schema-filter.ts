/**
 * `filters`: what a rule or a backend changes, answers or copies, in Gateway API's words.
 *
 * A filter is a map of one key, so that the list reads as the sequence of what is done. How filters get
 * along with each other is in `check-filters.ts`.
 */
import * as z from "zod";
import { filterPartSchemas } from "./filter-parts.ts";
import { block, exactlyOne, name, port, refuse, scalar } from "./schema-scalars.ts";

/** Envoy's `max_direct_response_body_size_bytes`, when nobody sets it. */
const BODY_BYTES_MAX = 4_096;

const headerValues = z.record(scalar("changeableHeader"), scalar("headerValue"));

export const headerChanges = block({
  set: headerValues.optional().meta({ description: "Replaces whatever was there." }),
  add: headerValues.optional().meta({ description: "Leaves what was there beside it." }),
  remove: z.array(scalar("changeableHeader")).optional().describe("Taken away, if it is there."),
}).meta({
  description: "Headers that are set, added or removed; values are taken literally.",
  examples: [{ set: { "x-env": "prod" }, remove: ["x-debug"] }],
});

const pathChange = exactlyOne({
  full: scalar("urlPath").optional().describe("The whole new path."),
  prefix: scalar("urlPath").optional().describe("In the place of the prefix that matched; the rest stays."),
}).meta({
  description: "A new path, or a new prefix in the place of the one that matched.",
  examples: [{ full: "/" }, { prefix: "/v2" }],
});

const redirect = block({
  scheme: z.enum(["http", "https"]).optional().describe("The scheme of the new address."),
  hostname: scalar("preciseHostname").optional().describe("The host of the new address."),
  port: port.optional().meta({
    description: "When absent, the scheme's well-known port, and without a scheme the listener's.",
  }),
  path: pathChange.optional(),
  status: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
    .optional()
    .meta({ description: "302 when absent." }),
})
  .superRefine((value, context) => {
    if (["scheme", "hostname", "port", "path"].some((key) => Object.hasOwn(value, key))) return;
    const hint = "write what differs: scheme, hostname, port or path";
    refuse(context, { code: "missing-key", message: "a redirect must lead elsewhere", hint });
  })
  .meta({
    description: "Sends the client elsewhere; what is absent stays as it asked for it.",
    examples: [{ scheme: "https", status: 301 }],
  });

const rewrite = block({
  hostname: scalar("preciseHostname").optional().describe("The host header that the backend gets."),
  path: pathChange.optional(),
})
  .superRefine((value, context) => {
    if (Object.keys(value).length > 0) return;
    const hint = "write hostname, path or both";
    refuse(context, { code: "missing-key", message: "a rewrite must change something", hint });
  })
  .meta({ description: "The request as the backend sees it.", examples: [{ path: { prefix: "/" } }] });

const mirror = block({
  service: name.describe("The service that gets the copies."),
  subset: name.optional().describe("One subset of the service."),
  percent: z.number().min(0).max(100).optional().meta({ description: "Of the requests; all of them when absent." }),
}).meta({
  description: "Copies requests to another service, whose answers are thrown away.",
  examples: [{ service: "shop", subset: "canary", percent: 5 }],
});

const respond = block({
  status: z.int().min(200).max(599).describe("The status of the answer."),
  body: z
    .string({ error: "text" })
    .superRefine((body, context) => {
      const bytes = new TextEncoder().encode(body).length;
      if (bytes <= BODY_BYTES_MAX) return;
      const message = `the body has ${bytes} bytes, and Envoy answers with at most ${BODY_BYTES_MAX}`;
      refuse(context, { code: "invalid-value", message, hint: "shorten it, or let a service answer" });
    })
    .optional()
    .meta({ description: "text/plain, unless responseHeaders sets another content-type." }),
}).meta({ description: "An answer that no backend gives.", examples: [{ status: 503, body: "back at noon" }] });

export const ruleFilters = z
  .array(
    exactlyOne({
      requestHeaders: headerChanges.optional(),
      responseHeaders: headerChanges.optional(),
      redirect: redirect.optional(),
      rewrite: rewrite.optional(),
      mirror: mirror.optional(),
      respond: respond.optional(),
      ...filterPartSchemas,
    }),
  )
  .min(1)
  .meta({
    description: "What is done to the request and its answer; each kind once, but mirrors as often as wanted.",
    examples: [[{ requestHeaders: { set: { "x-env": "prod" } } }, { rewrite: { path: { prefix: "/" } } }]],
  });

export const backendFilters = z
  .array(exactlyOne({ requestHeaders: headerChanges.optional(), responseHeaders: headerChanges.optional() }))
  .min(1)
  .meta({ description: "What is changed for this backend alone, after the changes of the rule." });

export type RuleFiltersValue = z.infer<typeof ruleFilters>;
export type BackendFiltersValue = z.infer<typeof backendFilters>;
export type HeaderChangesValue = z.infer<typeof headerChanges>;
