/**
 * The OpenAPI document, the routes that are registered and the written documentation name the same paths.
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import { routes } from "../../../src/admin/api-routes.ts";
import { viewsOf } from "./example-views.ts";

interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>;
}

async function served() {
  const { app } = createAdminServer({
    listen: { host: "127.0.0.1", port: 0 },
    version: "0.1.0",
    views: viewsOf(),
    onError: () => undefined,
  });
  const answer = await app.inject({ url: "/v1/openapi.json", headers: { host: "localhost" } });
  return { app, document: answer.json<OpenApi>() };
}

test("names every route that the server has, and no other", async () => {
  const { app, document } = await served();
  expect(document).toMatchObject({ openapi: "3.1.0", info: { version: "0.1.0" } });
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described).toEqual(routes.map(({ method, path }) => `${method} ${path}`));
  const registered = app.printRoutes({ commonPrefix: false }).trimEnd().split("\n");
  expect(registered).toHaveLength(Object.keys(document.paths).length);
  for (const { method, path } of routes) {
    expect(app.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ":$1") })).toBe(true);
  }
});

test("refers only to what it defines", async () => {
  const { document } = await served();
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, reference]) => reference ?? "");
  expect(references.length).toBeGreaterThan(10);
  for (const reference of new Set(references)) {
    const name = reference.replace("#/components/schemas/", "");
    expect(document.components.schemas).toHaveProperty(name);
  }
  expect(text).not.toContain("$defs");
  expect(document.components.schemas["Node"]).toMatchObject({ type: "object", properties: { id: { type: "string" } } });
});

test("describes parameters, preconditions and problems", async () => {
  const { paths } = (await served()).document;
  const confirm = paths["/v1/snapshots/{version}/confirm"]?.["post"];
  expect(confirm?.parameters.map(({ name, in: where, required }) => [name, where, required])).toEqual([
    ["version", "path", true],
    ["If-Match", "header", true],
  ]);
  expect(Object.keys(confirm?.responses ?? {})).toEqual(["200", "412", "428", "503", "default"]);
  expect(confirm?.responses["412"]?.content).toHaveProperty("application/problem+json");
  expect(paths["/v1/nodes"]?.["get"]?.parameters.map(({ name }) => name)).toEqual([
    "limit",
    "after",
    "group",
    "status",
    "connected",
    "scope",
  ]);
  const ids = Object.values(paths).flatMap((operations) => Object.values(operations).map((each) => each.operationId));
  expect(new Set(ids).size).toBe(ids.length);
});

test("is complete in the written documentation", async () => {
  const page = await readFile(new URL("../../../docs/admin-api.md", import.meta.url), "utf8");
  for (const { method, path, query } of routes) {
    expect(page).toContain(`\`${method} ${path}\``);
    for (const parameter of Object.keys(query.shape)) expect(page).toContain(`\`${parameter}\``);
  }
});
