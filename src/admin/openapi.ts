/**
 * The OpenAPI 3.1 document of the admin API, made from its routes and schemas.
 */
import { z } from "zod";
import type { Route, RouteAnswer } from "./api-routes.ts";
import { namedSchemas, problemSchema } from "./api-schema.ts";
import { explanationSchema } from "./explain-schema.ts";
import { loadSchema, loadSettingsSchema } from "./load-schema.ts";
import { rolloutListSchema, rolloutLockSchema, rolloutPlannedSchema, rolloutSchema } from "./rollout-schema.ts";
import { splitHistorySchema, splitListSchema, splitSchema } from "./split-schema.ts";

/** The document for these routes; `version` is Fairway's own. */
export function openApiDocument(routes: readonly Route[], version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Fairway admin API",
      version,
      description: "What Fairway serves, to whom, and what it waits for. Errors are problem+json (RFC 9457).",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: { schemas: components() },
  };
}

function operation(route: Route): Readonly<Record<string, unknown>> {
  const answers = Object.entries(route.answers).map(([status, answer]) => [
    status,
    response(answer, answer.schema === problemSchema),
  ]);
  return {
    operationId: route.operation,
    summary: route.summary,
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.method === "PUT",
            content: { "application/json": { schema: answerSchema(route.body) } },
          },
        }),
    responses: {
      ...Object.fromEntries(answers),
      default: response({ description: "Any other problem", schema: problemSchema }, true),
    },
  };
}

function response(answer: RouteAnswer, isProblem: boolean): Readonly<Record<string, unknown>> {
  if (answer.schema === undefined) {
    return { description: answer.description, content: { "text/plain": { schema: { type: "string" } } } };
  }
  const mediaType = isProblem ? "application/problem+json" : "application/json";
  return { description: answer.description, content: { [mediaType]: { schema: answerSchema(answer.schema) } } };
}

function pathParameters({ path }: Route): readonly unknown[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Route): readonly unknown[] {
  const schema = inputSchema(query);
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  const required = (schema["required"] ?? []) as readonly string[];
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function headerParameters({ headers, optionalHeaders }: Route): readonly unknown[] {
  const parameters = (of: Route["headers"], required: boolean) =>
    Object.entries(of ?? {}).map(([name, description]) => ({
      name,
      in: "header",
      required,
      description,
      schema: { type: "string" },
    }));
  return [...parameters(headers, true), ...parameters(optionalHeaders, false)];
}

const allSchemas: Readonly<Record<string, z.ZodType>> = {
  ...namedSchemas,
  Explanation: explanationSchema,
  Load: loadSchema,
  LoadSettings: loadSettingsSchema,
  Rollout: rolloutSchema,
  RolloutList: rolloutListSchema,
  RolloutLock: rolloutLockSchema,
  RolloutPlanned: rolloutPlannedSchema,
  Split: splitSchema,
  SplitHistory: splitHistorySchema,
  SplitList: splitListSchema,
};

const componentUri = (name: string) => `#/components/schemas/${name}`;

/** A schema with a name is written once and referred to; OpenAPI 3.1 takes JSON Schema 2020-12 as it is. */
function components(): Readonly<Record<string, unknown>> {
  const registry = z.registry<{ readonly id: string }>();
  for (const [id, schema] of Object.entries(allSchemas)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    uri: componentUri,
    override: ({ jsonSchema }) => simplify(jsonSchema),
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _schema, $id: _id, ...rest }]) => [name, rest]),
  );
}

function answerSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const name = Object.keys(allSchemas).find((each) => allSchemas[each] === schema);
  return name === undefined ? { type: "object" } : { $ref: componentUri(name) };
}

function inputSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, { io: "input", override: ({ jsonSchema }) => simplify(jsonSchema) });
}

/** Answers stay open, because fields may be added; that an integer is one that JavaScript can hold goes without saying. */
function simplify(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.additionalProperties === false) delete schema.additionalProperties;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
