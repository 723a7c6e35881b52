/**
 * What a resource is found to need.
 */
import { ScalarType } from "@bufbuild/protobuf";
import type { DescField } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/model/intent.ts";
import { createReferenceFinder } from "../../../src/snapshot/references.ts";
import { referencingFields } from "../../../src/snapshot/reference-fields.ts";
import { resourceType } from "../../../src/snapshot/type-url.ts";
import { assert } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const finder = createReferenceFinder(envoyApi);
const ads = { ads: {}, resourceApiVersion: "V3" };
const url = (message: string) => `type.googleapis.com/${message}`;
const any = (message: string, json: object) => ({ "@type": url(message), ...json }) as JsonValue;

/** `CDS a`, `EDS b`, … that a message needs. */
function needs(message: string, json: object): readonly string[] {
  const encoded = envoyApi.encode(url(message), json as { readonly [key: string]: JsonValue });
  assert(encoded.ok, `the test's message must be right: ${JSON.stringify(encoded)}`);
  return finder.find(url(message), encoded.value.message).map((found) => {
    return `${resourceType(found.typeUrl)?.shortName} ${found.name}`;
  });
}

const manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

function listenerWith(...filters: readonly JsonValue[]): object {
  return { filterChains: [{ filters: filters.map((typedConfig, index) => ({ name: `f${index}`, typedConfig })) }] };
}

describe("createReferenceFinder", () => {
  it.each<[string, string, object, readonly string[]]>([
    [
      "an EDS cluster's endpoints by its own name",
      "envoy.config.cluster.v3.Cluster",
      { name: "a", type: "EDS", edsClusterConfig: { edsConfig: ads } },
      ["EDS a"],
    ],
    [
      "an EDS cluster's endpoints by its service name",
      "envoy.config.cluster.v3.Cluster",
      { name: "a", type: "EDS", edsClusterConfig: { edsConfig: { self: {} }, serviceName: "b" } },
      ["EDS b"],
    ],
    [
      "nothing for endpoints from a file",
      "envoy.config.cluster.v3.Cluster",
      { name: "a", type: "EDS", edsClusterConfig: { edsConfig: { path: "/eds.yaml" } } },
      [],
    ],
    ["nothing for a static cluster", "envoy.config.cluster.v3.Cluster", { name: "a", type: "STATIC" }, []],
    [
      "the clusters of an aggregate cluster",
      "envoy.config.cluster.v3.Cluster",
      {
        name: "a",
        clusterType: {
          name: "envoy.clusters.aggregate",
          typedConfig: any("envoy.extensions.clusters.aggregate.v3.ClusterConfig", { clusters: ["c", "b"] }),
        },
      },
      ["CDS b", "CDS c"],
    ],
    [
      "an upstream certificate",
      "envoy.config.cluster.v3.Cluster",
      {
        name: "a",
        transportSocket: {
          name: "tls",
          typedConfig: any("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
            commonTlsContext: {
              tlsCertificateSdsSecretConfigs: [{ name: "cert", sdsConfig: ads }, { name: "in-the-bootstrap" }],
              validationContextSdsSecretConfig: { name: "ca", sdsConfig: ads },
            },
          }),
        },
      },
      ["SDS ca", "SDS cert"],
    ],
    [
      "plain, weighted, mirrored and duplicate clusters of routes",
      "envoy.config.route.v3.RouteConfiguration",
      {
        name: "r",
        virtualHosts: [
          {
            name: "v",
            domains: ["*"],
            routes: [
              { match: { prefix: "/a" }, route: { cluster: "a" } },
              {
                match: { prefix: "/b" },
                route: {
                  weightedClusters: {
                    clusters: [
                      { name: "a", weight: 1 },
                      { name: "b", weight: 0 },
                    ],
                  },
                },
              },
              { match: { prefix: "/" }, route: { clusterHeader: "x", requestMirrorPolicies: [{ cluster: "m" }] } },
            ],
          },
        ],
      },
      ["CDS a", "CDS b", "CDS m"],
    ],
    [
      "routes, filters by discovery, and what filters call",
      "envoy.config.listener.v3.Listener",
      listenerWith(
        any(manager, {
          rds: { routeConfigName: "public", configSource: ads },
          httpFilters: [
            {
              name: "found",
              configDiscovery: { configSource: ads, typeUrls: [url("envoy.extensions.filters.http.router.v3.Router")] },
            },
            {
              name: "has-default",
              configDiscovery: {
                configSource: ads,
                typeUrls: [url("envoy.extensions.filters.http.router.v3.Router")],
                defaultConfig: any("envoy.extensions.filters.http.router.v3.Router", {}),
              },
            },
            {
              name: "authz",
              typedConfig: any("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", {
                grpcService: { envoyGrpc: { clusterName: "authz" } },
              }),
            },
            {
              name: "jwt",
              typedConfig: any("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
                providers: {
                  idp: { remoteJwks: { httpUri: { uri: "https://idp/keys", cluster: "idp", timeout: "1s" } } },
                },
              }),
            },
          ],
        }),
      ),
      ["CDS authz", "CDS idp", "ECDS found", "RDS public"],
    ],
    [
      "the clusters of a TCP proxy",
      "envoy.config.listener.v3.Listener",
      listenerWith(
        any("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", { statPrefix: "a", cluster: "a" }),
        any("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
          statPrefix: "b",
          weightedClusters: { clusters: [{ name: "b", weight: 1 }] },
        }),
      ),
      ["CDS a", "CDS b"],
    ],
    [
      "the routes of a scope",
      "envoy.config.route.v3.ScopedRouteConfiguration",
      { name: "s", routeConfigurationName: "public", key: { fragments: [{ stringKey: "x" }] } },
      ["RDS public"],
    ],
    [
      "nothing in the labels of a host",
      "envoy.config.endpoint.v3.ClusterLoadAssignment",
      {
        clusterName: "a",
        endpoints: [
          {
            lbEndpoints: [
              {
                metadata: {
                  typedFilterMetadata: { x: any("envoy.config.core.v3.HttpUri", { uri: "u", cluster: "no" }) },
                },
              },
            ],
          },
        ],
      },
      [],
    ],
  ])("finds %s", (_, message, json, expected) => {
    expect(needs(message, json)).toEqual(expected);
  });
});

/** Texts with `cluster` in their name that are no reference, and why. */
const noReferences: ReadonlyMap<string, string> = new Map([
  ["envoy.config.bootstrap.v3.ClusterManager.local_cluster_name", "bootstrap only"],
  ["envoy.config.metrics.v3.StatsdSink.tcp_cluster_name", "bootstrap only"],
  ["envoy.config.core.v3.Node.cluster", "the node's own"],
  ["envoy.config.endpoint.v3.ClusterLoadAssignment.cluster_name", "its own name"],
  ["envoy.config.endpoint.v3.ClusterStats.cluster_name", "a report"],
  ["envoy.config.endpoint.v3.ClusterStats.cluster_service_name", "a report"],
  ["envoy.config.route.v3.RouteAction.cluster_header", "the name of a header"],
  ["envoy.config.route.v3.RouteAction.RequestMirrorPolicy.cluster_header", "the name of a header"],
  ["envoy.config.route.v3.WeightedCluster.ClusterWeight.cluster_header", "the name of a header"],
  ["envoy.extensions.filters.network.thrift_proxy.v3.RouteAction.cluster_header", "the name of a header"],
  ["envoy.config.route.v3.RouteAction.cluster_specifier_plugin", "a plugin in the same resource"],
  ["envoy.extensions.clusters.dynamic_modules.v3.ClusterConfig.cluster_name", "the name of a module's cluster"],
  ["envoy.extensions.filters.http.fault.v3.HTTPFault.upstream_cluster", "a condition"],
  ["envoy.extensions.filters.network.reverse_tunnel.v3.ReverseTunnel.required_cluster_name", "a condition"],
  ["envoy.extensions.filters.network.reverse_tunnel.v3.Validation.cluster_id_format", "a condition"],
]);

function isText(field: DescField): boolean {
  return (field.fieldKind === "scalar" || field.fieldKind === "list") && field.scalar === ScalarType.STRING;
}

describe("referencingFields", () => {
  it("has only messages and fields that the Envoy API has", () => {
    for (const [type, fields] of referencingFields) {
      const known = envoyApi.registry.getMessage(type)?.fields.map((field) => field.localName);
      expect(known, type).toEqual(expect.arrayContaining([...fields]));
    }
  });

  it("knows every text of configuration that says cluster, or why it names none", () => {
    const configuration = /^envoy\.(config|extensions)\.(?!.*\.v2(alpha\d*)?\.)/;
    const unknown = [...envoyApi.registry]
      .flatMap((type) => (type.kind === "message" && configuration.test(type.typeName) ? type.fields : []))
      .filter((field) => isText(field) && field.name.includes("cluster"))
      .filter((field) => !(referencingFields.get(field.parent.typeName) ?? []).includes(field.localName))
      .map((field) => `${field.parent.typeName}.${field.name}`);
    expect(unknown.toSorted()).toEqual([...noReferences.keys()].toSorted());
  });
});
