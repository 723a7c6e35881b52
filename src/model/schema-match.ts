/**
 * Conditions on paths and values, wherever requests are told apart.
 */
import * as z from "zod";
import { regexProblem } from "./regex-check.ts";
import { block, exactlyOne, refuse, scalar } from "./schema-scalars.ts";

const regex = scalar("text").superRefine((pattern, context) => {
  const problem = regexProblem(pattern);
  if (problem !== undefined) refuse(context, { code: "invalid-value", ...problem });
});

/** How paths are told apart. */
export const pathMatch = z
  .union([
    scalar("urlPath"),
    exactlyOne({
      exact: scalar("urlPath").optional().describe("This path and no other."),
      prefix: scalar("urlPath").optional().describe("This path and what is below it."),
      regex: regex.optional().describe("An RE2 expression for the whole path."),
    }),
  ])
  .meta({
    description: "A text is a prefix of whole path elements: /a matches /a/b, not /ab.",
    examples: ["/shop", { exact: "/" }],
  });

/** How the values of headers and query parameters are told apart. */
export const valueMatch = z
  .union([
    z.string({ error: "text" }),
    exactlyOne({
      exact: z.string({ error: "text" }).optional().describe("Equal to this."),
      prefix: scalar("text").optional().describe("Starts with this."),
      suffix: scalar("text").optional().describe("Ends with this."),
      contains: scalar("text").optional().describe("Has this in it."),
      regex: regex.optional().describe("An RE2 expression for the whole value."),
      present: z.boolean().optional().describe("true: it is there, whatever its value; false: it is not."),
    }),
  ])
  .meta({
    description: "A text must be equal; `present: false` means that it must not be there.",
    examples: ["always", { prefix: "v2" }, { present: true }],
  });

function nameMatch(kind: "grpcService" | "grpcMethod") {
  return z.union([
    scalar(kind),
    exactlyOne({
      exact: scalar(kind).optional().describe("Equal to this."),
      regex: regex.optional().describe("An RE2 expression for the whole name."),
    }),
  ]);
}

/** How gRPC requests are told apart. */
export const grpcMatch = block({
  service: nameMatch("grpcService").optional().describe("The full name of the service; every one when absent."),
  method: nameMatch("grpcMethod").optional().describe("The method; every one when absent."),
}).meta({
  description: "Only gRPC requests, of this service and method. A text must be equal.",
  examples: [{ service: "shop.v1.Orders", method: "Place" }, { service: { regex: "shop[.].*" } }],
});

export type PathMatchValue = z.infer<typeof pathMatch>;
export type GrpcMatchValue = z.infer<typeof grpcMatch>;
export type ValueMatchValue = z.infer<typeof valueMatch>;
