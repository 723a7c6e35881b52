/**
 * Changes of code that Envoys run: told for what has it, and for no other change.
 */
import { expect, test } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { changedExtensions } from "../../../src/snapshot/changed-extensions.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotsOf } from "../../support/snapshot-of.ts";
import { intentOf } from "../model/parse-text.ts";

const config = (policy: string, weight = 1) => `
services: { a: { endpoints: ["10.0.0.1:80"] }, b: { endpoints: ["10.0.0.2:80"], protocol: grpc } }
gateways: { g: { listeners: [{ name: http, port: 80 }], policies: [p] } }
policies: { p: { timeouts: { request: 1s }, ${policy} } }
routes: { r: { rules: [{ backends: [{ service: a, weight: ${weight} }, { service: b }] }] } }
`;

const changes = (before: string, after: string): readonly Diagnostic[] =>
  changedExtensions(snapshotsOf(intentOf(before)), snapshotsOf(intentOf(after)), envoyApi);

const lua = (word: string) => `lua: { inline: "function envoy_on_request(h) h:logInfo('${word}') end" }`;
const stats = (all: boolean) =>
  `extensions: [{ name: stats, typedConfig: { "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig, stats_for_all_methods: ${all} } }]`;

test("code that comes, changes or goes is told once, with what has it and its place", () => {
  const [warning, ...others] = changes(config(lua("a")), config(lua("b")));
  expect(others).toEqual([]);
  expect(warning).toMatchObject({
    code: "extension-changed",
    severity: "warning",
    message: "what Envoys run that is not Envoy's own changes in the route configuration `g/http`: Lua",
    at: { file: "fairway.yaml", line: 3 },
  });
  const told = (before: string, after: string) =>
    changes(before, after).map(({ message }) => message.split(" in the ")[1]);
  expect(told(config(""), config(lua("a")))).toEqual(["listener `g/http`: Lua", "route configuration `g/http`: Lua"]);
  expect(told(config(lua("a")), config(""))).toEqual(["listener `g/http`: Lua", "route configuration `g/http`: Lua"]);
  expect(told(config("extProc: { service: b }"), config("extProc: { service: b, failOpen: true }"))).toEqual([
    "listener `g/http`: external processing",
  ]);
  expect(told(config(stats(true)), config(stats(false)))).toEqual(["listener `g/http`: the filter extension.stats/p"]);
});

test("other changes of a route that has code are not told, nor is a group that is new", () => {
  expect(changes(config(lua("a")), config(lua("a"), 2))).toEqual([]);
  expect(changes(config(stats(true)), config(stats(true), 2))).toEqual([]);
  expect(changedExtensions(new Map(), snapshotsOf(intentOf(config(lua("a")))), envoyApi)).toEqual([]);
});

test("what is there already and gets attached to one more rule is told, script and filter alike", () => {
  const rules = (second: string) => (part: string) =>
    `
services: { a: { endpoints: ["10.0.0.1:80"] } }
gateways: { g: { listeners: [{ name: http, port: 80 }] } }
policies: { p: { ${part} } }
routes: { r: { rules: [
  { name: one, matches: [{ path: /one }], backends: [{ service: a }], policies: [p] },
  { name: two, backends: [{ service: a }]${second} }] } }
`;
  const [once, twice] = [rules(""), rules(", policies: [p]")];
  const told = (part: string) => changes(once(part), twice(part)).map(({ message }) => message.split(" in the ")[1]);
  expect(told(lua("a"))).toEqual(["route configuration `g/http`: Lua"]);
  expect(told(stats(true))).toEqual(["route configuration `g/http`: the filter extension.stats/p"]);
  expect(changes(twice(lua("a")), twice(lua("a")))).toEqual([]);
});
