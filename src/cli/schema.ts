/**
 * `fairway schema`: the JSON Schema of config files, for editors.
 */
import { Command } from "commander";
import { jsonSchema } from "../model/json-schema.ts";
import { print } from "./output.ts";

/** The subcommand. */
export function schemaCommand(): Command {
  return new Command("schema")
    .description("print the JSON Schema of config files, for editors")
    .action(() => print(JSON.stringify(jsonSchema(), undefined, 2)));
}
