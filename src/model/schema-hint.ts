/**
 * A way out for a problem that has none of its own: what the schema says of the place.
 *
 * The ranges, examples and descriptions that editors show are a hint for everybody else too.
 */
import { jsonSchema } from "./json-schema.ts";
import type { Path } from "./position.ts";
import { documentSchema } from "./schema.ts";

/** A part of a JSON Schema, as far as it is read here. */
interface SchemaPart {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly additionalProperties?: SchemaPart | boolean;
  readonly items?: SchemaPart;
  readonly anyOf?: readonly SchemaPart[];
}

/** The JSON Schema, made when a hint is first asked for: it takes 20 ms, and most documents are right. */
const made = new WeakMap<typeof documentSchema, SchemaPart>();

/** What the schema says of a place in a document; undefined when it says nothing. */
export function schemaHint(path: Path): string | undefined {
  const root: SchemaPart = made.get(documentSchema) ?? jsonSchema();
  made.set(documentSchema, root);
  // What the schema says nothing of is explained by what it is a part of.
  for (let length = path.length; length >= 0; length -= 1) {
    const hint = hintAt(root, path.slice(0, length));
    if (hint !== undefined) return hint;
  }
  return undefined;
}

function hintAt(root: SchemaPart, path: Path): string | undefined {
  const parts = path.reduce<readonly SchemaPart[]>((found, step) => found.flatMap((part) => below(part, step)), [root]);
  return parts.length === 0 ? undefined : hintOf(parts, path);
}

function below(part: SchemaPart, step: string | number): readonly SchemaPart[] {
  return alternatives(part).flatMap((each) => {
    if (typeof step === "number") return each.items ?? [];
    const property =
      each.properties !== undefined && Object.hasOwn(each.properties, step) ? each.properties[step] : undefined;
    if (property !== undefined) return property;
    return typeof each.additionalProperties === "object" ? each.additionalProperties : [];
  });
}

function alternatives(part: SchemaPart): readonly SchemaPart[] {
  return [part, ...(part.anyOf ?? []).flatMap(alternatives)];
}

function hintOf(parts: readonly SchemaPart[], path: Path): string | undefined {
  const all = parts.flatMap(alternatives);
  const range = all.find(({ type, maximum }) => (type === "integer" || type === "number") && maximum !== undefined);
  if (range !== undefined && all.every(({ type }) => type !== "string")) {
    const kind = range.type === "integer" ? "a whole number" : "a number";
    return `write ${kind} from ${range.minimum ?? 0} to ${range.maximum}`;
  }
  const key = path.at(-1);
  const example = all.find(({ examples }) => examples !== undefined && examples.length > 0)?.examples?.[0];
  if (example !== undefined) {
    return `for example \`${typeof key === "string" ? `${key}: ` : "- "}${flow(example)}\``;
  }
  const description = all.find((each) => each.description !== undefined)?.description;
  return description === undefined ? undefined : `what belongs here: ${description}`;
}

/** The value as YAML on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const fields = Object.entries(value).map(
      ([key, item]) => `${key.startsWith("@") ? JSON.stringify(key) : key}: ${flow(item)}`,
    );
    return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
  }
  return typeof value === "string" && !/^[A-Za-z/][\w./-]*$|^\d+(?:ms|s|m|h)$/.test(value)
    ? JSON.stringify(value)
    : String(value);
}
