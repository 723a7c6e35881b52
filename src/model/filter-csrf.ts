/**
 * `csrf`: requests that change something must come from a page of the same origin, or of one that is listed.
 */
import * as z from "zod";
import { filterPart } from "./filter-part.ts";
import { block, scalar } from "./schema-scalars.ts";

/** Refuses POST, PUT, DELETE and PATCH whose `Origin` or `Referer` is another host's, with 403. */
export interface Csrf {
  /** Hosts, with a port where it is not the scheme's; without scheme, because Envoy compares no scheme. */
  readonly additionalOrigins: readonly string[];
  /** Counted and let through. */
  readonly shadow: boolean;
}

const schema = block({
  additionalOrigins: z
    .array(scalar("originHost"))
    .min(1)
    .optional()
    .describe("Hosts beside the request's own whose pages may send: app.example.com or *.example.com."),
  shadow: z.boolean().optional().describe("Only counts what it would refuse."),
}).meta({
  description: "Requests that change something must come from a page of the same origin.",
  examples: [{ additionalOrigins: ["app.example.com"] }],
});

export const csrf = filterPart({
  schema,
  build: (value): Csrf => ({
    additionalOrigins: value.additionalOrigins ?? [],
    shadow: value.shadow ?? false,
  }),
});
