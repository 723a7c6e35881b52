/**
 * Conditions on paths and values, wherever requests are told apart.
 */
import * as z from "zod";
import { regexProblem } from "./regex-check.ts";
import { exactlyOne, refuse, scalar } from "./schema-scalars.ts";

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

export type PathMatchValue = z.infer<typeof pathMatch>;
export type ValueMatchValue = z.infer<typeof valueMatch>;
