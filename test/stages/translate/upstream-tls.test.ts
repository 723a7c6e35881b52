/**
 * TLS to the endpoints: which name is asked for, which one the certificate must have, and what is never left open.
 */
import { describe, expect, test } from "vitest";
import type { ClusterJson } from "../../../src/gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { UpstreamTlsContextJson } from "../../../src/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.d.ts";
import type { Service, ServiceTls } from "../../../src/model/intent-service.ts";
import { translateService } from "../../../src/translate/cluster.ts";
import { usedSecrets } from "../../../src/translate/used-secrets.ts";
import { service, subset } from "../../support/build-intent.ts";

function clusterOf(tls: ServiceTls, rest: Partial<Service> = {}): ClusterJson {
  return translateService(service("shop", { ...rest, policy: { tls } }))[0]?.json as ClusterJson;
}

function contextOf(cluster: ClusterJson): UpstreamTlsContextJson {
  return cluster.transportSocket?.typedConfig as UpstreamTlsContextJson;
}

const namesOf = (cluster: ClusterJson) =>
  contextOf(cluster).commonTlsContext?.combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames;

const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

describe("the name", () => {
  test("is the one that is written, and the certificate must have it", () => {
    const cluster = clusterOf({ ca: "ca", sni: "shop.internal" });
    expect(contextOf(cluster).sni).toBe("shop.internal");
    expect(namesOf(cluster)).toEqual([{ sanType: "DNS", matcher: { exact: "shop.internal" } }]);
    expect(cluster.typedExtensionProtocolOptions).toBeUndefined();
  });

  test("is the one that DNS finds the endpoints by", () => {
    const dns = { name: "shop.example", port: 443, mode: "strict", family: "all" } as const;
    expect(contextOf(clusterOf({ ca: "ca" }, { dns })).sni).toBe("shop.example");
    expect(contextOf(clusterOf({ ca: "ca", sni: "other.example" }, { dns })).sni).toBe("other.example");
  });

  test.each([
    ["http1", { httpProtocolOptions: {} }],
    ["grpc", { http2ProtocolOptions: {} }],
  ] as const)("is the host of each request when nobody wrote one, over %s", (protocol, explicitHttpConfig) => {
    const cluster = clusterOf({ ca: "ca" }, { protocol });
    expect(cluster.typedExtensionProtocolOptions?.[options]).toMatchObject({
      explicitHttpConfig,
      upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true },
    });
    expect([contextOf(cluster).sni, namesOf(cluster)]).toEqual([undefined, undefined]);
  });

  test("may be another one in the certificate", () => {
    const cluster = clusterOf({ ca: "ca", subjectAltNames: ["a.internal", "spiffe://mesh/a", "10.0.0.1", "::1"] });
    expect(namesOf(cluster)?.map(({ sanType }) => sanType)).toEqual(["DNS", "URI", "IP_ADDRESS", "IP_ADDRESS"]);
    expect(cluster.typedExtensionProtocolOptions?.[options]).toMatchObject({
      upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: false },
    });
  });
});

test("nothing is verified only without authorities, and no name is asserted then", () => {
  const cluster = clusterOf({ clientCertificate: "me" });
  expect(contextOf(cluster).commonTlsContext).toMatchObject({ tlsCertificateSdsSecretConfigs: [{ name: "me" }] });
  expect(contextOf(cluster).commonTlsContext).not.toHaveProperty("combinedValidationContext");
  expect(cluster.typedExtensionProtocolOptions?.[options]).toMatchObject({
    upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: false },
  });
});

test("the secrets of a service and of its subsets are used", () => {
  const shop = service("shop", {
    policy: { tls: { ca: "ca", sni: "a" } },
    subsets: [subset("next", {}, { tls: { ca: "next-ca", clientCertificate: "me" } })],
  });
  const used = usedSecrets({ gateways: [], routes: [], services: [shop], rawResources: [] });
  expect([...used].toSorted()).toEqual(["ca", "me", "next-ca"]);
});
