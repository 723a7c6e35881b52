/**
 * Whether a value fits a schema, without saying why it does not.
 *
 * Nearly every value that is checked is right, and zod makes a copy of each on the way. What is compiled here asks the
 * same questions of the same schema and copies nothing. It answers yes only when zod would: for what it does not know
 * (another kind of schema, a key that zod skips) it asks zod, or says no, and then zod is asked for the words.
 */
import * as z from "zod";

/** True when the value surely fits; whoever hears false asks the schema. */
export type Fits = (value: unknown) => boolean;

/** Where zod keeps what a schema is made of, for programs that read schemas: https://zod.dev/packages/core */
const INSIDE = "_zod";

/** A check of one value: it adds issues. */
interface Check {
  readonly [INSIDE]: { readonly check: (payload: z.core.ParsePayload) => unknown };
}

type Schema = z.core.$ZodTypes;

/** Compiles a schema, once for each part. */
export function compileSchema(schema: z.core.$ZodType): Fits {
  return compile(schema as Schema, new Map());
}

function compile(schema: Schema, known: Map<Schema, Fits>): Fits {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const fits = withChecks(
    schema,
    compileShape(schema, (part) => compile(part as Schema, known)),
  );
  known.set(schema, fits);
  return fits;
}

function compileShape(schema: Schema, part: (schema: z.core.$ZodType) => Fits): Fits {
  const { def } = schema[INSIDE];
  switch (def.type) {
    case "string":
      return (value) => typeof value === "string";
    case "number":
      return (value) => typeof value === "number" && Number.isFinite(value);
    case "boolean":
      return (value) => typeof value === "boolean";
    case "unknown":
      return () => true;
    case "enum": {
      const values = new Set<unknown>(Object.values(def.entries));
      return (value) => values.has(value);
    }
    case "literal": {
      const values = new Set<unknown>(def.values);
      return (value) => values.has(value);
    }
    case "optional": {
      const inner = part(def.innerType);
      return (value) => value === undefined || inner(value);
    }
    case "array": {
      const element = part(def.element);
      return (value) => {
        if (!Array.isArray(value)) return false;
        // What is missing in a list counts here, and not for `every`.
        for (const item of value) if (!element(item)) return false;
        return true;
      };
    }
    case "union": {
      const options = def.options.map(part);
      return (value) => options.some((option) => option(value));
    }
    case "record":
      // Keys that are listed must all be there.
      return typeOf(def.keyType) === "string" ? recordFits(part(def.keyType), part(def.valueType)) : askZod(schema);
    case "object": {
      const { catchall } = def;
      const isOpen = catchall === undefined || typeOf(catchall) === "unknown";
      if (!isOpen && typeOf(catchall) !== "never") return askZod(schema);
      return objectFits(
        Object.entries(def.shape).map(([key, field]) => [key, part(field)] as const),
        isOpen,
      );
    }
    default:
      return askZod(schema);
  }
}

function typeOf(schema: z.core.$ZodType): Schema["_zod"]["def"]["type"] {
  return (schema as Schema)[INSIDE].def.type;
}

function askZod(schema: Schema): Fits {
  return (value) => z.safeParse(schema, value).success;
}

function recordFits(key: Fits, item: Fits): Fits {
  return (value) => {
    if (!isMap(value)) return false;
    for (const name of Object.keys(value)) {
      if (name === "__proto__" || !key(name) || !item(value[name])) return false;
    }
    return true;
  };
}

function objectFits(fields: readonly (readonly [string, Fits])[], isOpen: boolean): Fits {
  const byName = new Map(fields);
  /** Those that may not be missing. */
  const needed = fields.filter(([, fits]) => !fits(undefined)).map(([name]) => name);
  return (value) => {
    if (!isMap(value)) return false;
    for (const name of needed) if (!Object.hasOwn(value, name)) return false;
    for (const name of Object.keys(value)) {
      const fits = byName.get(name);
      if (fits === undefined ? !isOpen : !fits(value[name])) return false;
    }
    return true;
  };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is asked of a value that has the right shape. */
function withChecks(schema: Schema, shape: Fits): Fits {
  const own = schema[INSIDE].traits.has("$ZodCheck") ? [schema as unknown as Check] : [];
  const checks = [...own, ...((schema[INSIDE].def.checks ?? []) as readonly unknown[] as readonly Check[])];
  if (checks.length === 0) return shape;
  return (value) => {
    if (!shape(value)) return false;
    const payload: z.core.ParsePayload = { value, issues: [] };
    for (const check of checks) {
      check[INSIDE].check(payload);
      if (payload.issues.length > 0) return false;
    }
    return true;
  };
}
