/**
 * Names that are defined and used by nothing.
 */
import { describe, expect, it } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

const gateway = "gateways: { g: { listeners: [{ name: h, port: 80 }] } }\n";
const unused = `${gateway}services:\n  s: { endpoints: ["10.0.0.1:80"], subsets: { a: { labels: {} } } }\n`;

/** Names the service and the subset in Envoy's own words, the latter in what routes say. */
const asker = `extensions: [{ name: a, typedConfig: ${asking("s")}, routeConfig: ${asking("s|a")} }]`;

describe("unused definitions", () => {
  it.each([
    ["a service", unused, ["unused-definition 3:3"]],
    [
      "a subset of a service that is used",
      `${unused}routes: { r: { rules: [{ backends: [{ service: s }] }] } }\n`,
      ["unused-definition 3:47"],
    ],
    [
      "a split",
      `${unused}splits:\n  p: { backends: { x: { service: s, subset: a } }, default: { x: 1 } }\n`,
      ["unused-definition 5:3"],
    ],
    ["a policy", `${gateway}policies:\n  p: {}\n`, ["unused-definition 3:3"]],
    [
      "a secret",
      `secrets:\n  s: { certificate: { nodeFile: /tls.crt }, privateKey: { nodeFile: /tls.key } }\n`,
      ["unused-definition 2:3"],
    ],
  ])("warns of %s", (_, text, expected) => {
    expect(summarize(parseText(text).diagnostics)).toEqual(expected);
  });

  it.each([
    [
      "a backend of weight 0",
      "routes: { r: { rules: [{ backends: [{ service: s }, { service: s, subset: a, weight: 0 }] }] } }\n",
    ],
    [
      "a mirror",
      "routes: { r: { rules: [{ filters: [{ mirror: { service: s, subset: a } }], backends: [{ service: s }] }] } }\n",
    ],
    ["a raw resource that names the service and the subset", raw("s", "s|a")],
    [
      "an extension of a policy that names them",
      `routes: { r: { policies: [p], rules: [{ filters: [{ respond: { status: 200 } }] }] } }\npolicies: { p: { ${asker} } }\n`,
    ],
    [
      "an extension of a rule that names them",
      `routes: { r: { rules: [{ filters: [{ respond: { status: 200 } }, { ${asker} }] }] } }\n`,
    ],
  ])("counts %s as use", (_, rest) => {
    expect(summarize(parseText(unused + rest).diagnostics)).toEqual([]);
  });

  it("counts the list of a node group as use", () => {
    const text = `${gateway}services: { s: { endpoints: [] } }\nnodes: { edge: { match: {}, services: [s] } }\n`;
    expect(parseText(text).diagnostics).toEqual([]);
  });

  it("says nothing while something else is wrong: the reference may be in what cannot be read", () => {
    const { diagnostics } = parseText(`${unused}routes: { r: { rules: [{ backend: [] }] } }\n`);
    expect(diagnostics.filter(({ code }) => code === "unused-definition")).toEqual([]);
  });
});

function raw(...clusters: readonly string[]): string {
  const weighted = clusters.map((name) => `{ name: "${name}", weight: 1 }`).join(", ");
  return `resources:
  - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
    name: raw
    virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { weighted_clusters: { clusters: [${weighted}] } } }] }]
`;
}

function asking(cluster: string): string {
  const type = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
  return `{ "@type": "${type}", grpc_service: { envoy_grpc: { cluster_name: "${cluster}" } } }`;
}
