/**
 * How a text is matched: the value of a header or of a query parameter, and regular expressions.
 */
import * as z from "zod";
import { regexProblem } from "./regex-check.ts";
import { exactlyOne, refuse, scalar } from "./schema-scalars.ts";

export const regex = scalar("text").superRefine((pattern, context) => {
  const problem = regexProblem(pattern);
  if (problem !== undefined) refuse(context, { code: "invalid-value", ...problem });
});

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
