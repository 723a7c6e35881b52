/**
 * The vocabulary as JSON Schema 2020-12, for editors; `fairway schema` prints it.
 *
 * It says what the zod schemas say, less what a schema cannot: references, addresses that are IP addresses,
 * regular expressions. So a document that an editor finds right can still be refused, never the reverse.
 */
import * as z from "zod";
import { documentSchema } from "./schema.ts";

/** A fresh JSON Schema document. */
export function jsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(documentSchema, { target: "draft-2020-12", io: "input" }) };
}
