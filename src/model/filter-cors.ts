/**
 * `cors`: which other origins' pages a browser lets read the answers, in Gateway API's words.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, refuse, scalar } from "./schema-scalars.ts";

/** Answers without a body for what a browser asks beforehand, and headers on the answers that it may show. */
export interface Cors {
  /** Texts such as `https://app.example.com`; a host may begin with `*.`, and `*` alone is any origin. */
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  /** Whole seconds. */
  readonly maxAgeMs?: number;
}

/** Methods that a page may use without being asked for: the CORS protocol's own, and what APIs add. */
const defaultMethods = ["GET", "HEAD", "POST"] as const;

const schema = block({
  allowOrigins: z
    .array(scalar("origin"))
    .min(1)
    .meta({ description: 'Origins such as https://app.example.com or https://*.example.com; "*" is any.' }),
  allowMethods: z
    .array(z.union([scalar("method"), z.literal("*")]))
    .min(1)
    .optional()
    .meta({ description: "GET, HEAD and POST when absent." }),
  allowHeaders: z
    .array(z.union([scalar("headerName"), z.literal("*")]))
    .min(1)
    .optional()
    .describe("Request headers that pages may set."),
  exposeHeaders: z
    .array(z.union([scalar("headerName"), z.literal("*")]))
    .min(1)
    .optional()
    .describe("Response headers that pages may read."),
  allowCredentials: z.boolean().optional().meta({ description: "Whether cookies may come along; false when absent." }),
  maxAge: scalar("wholeSeconds").optional().describe("How long a browser may remember the answer."),
})
  .superRefine((value, context) => {
    if (value.allowCredentials !== true || !value.allowOrigins.includes("*")) return;
    const message = "every page of the world could act as the user: `allowCredentials` with the origin `*`";
    const hint = "list the origins, or do without credentials";
    refuse(context, { code: "invalid-value", message, hint, path: ["allowCredentials"] });
  })
  .meta({
    description: "Which other origins' pages a browser lets read the answers.",
    examples: [{ allowOrigins: ["https://app.example.com"], allowMethods: ["GET", "PUT"], maxAge: "1h" }],
  });

export const cors = filterPart({
  schema,
  build: (value): Cors => ({
    allowOrigins: value.allowOrigins,
    allowMethods: value.allowMethods ?? defaultMethods,
    allowHeaders: value.allowHeaders ?? [],
    exposeHeaders: value.exposeHeaders ?? [],
    allowCredentials: value.allowCredentials ?? false,
    ...(value.maxAge === undefined ? {} : { maxAgeMs: durationMs(value.maxAge) }),
  }),
});
