/**
 * Services that Envoy finds by DNS.
 */
import { describe, expect, it } from "vitest";
import type { DnsDiscovery } from "../../../src/model/intent-service.ts";
import { translateService } from "../../../src/translate/cluster.ts";
import { service } from "../../support/build-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const db: DnsDiscovery = { name: "db.internal", port: 5432, mode: "strict", family: "v4-preferred" };

function translated(dns: Partial<DnsDiscovery>) {
  const resources = translateService(service("db", { endpoints: [], dns: { ...db, ...dns } }));
  for (const { typeUrl, json } of resources) expect(envoyApi.encode(typeUrl, json)).toMatchObject({ ok: true });
  return resources;
}

function configOf(dns: Partial<DnsDiscovery>): unknown {
  const json = translated(dns)[0]?.json as { clusterType?: { typedConfig?: object } };
  return json.clusterType?.typedConfig;
}

describe("translateService of a name", () => {
  it("writes the name into the cluster, and makes no load assignment beside it", () => {
    const resources = translated({});
    expect(resources.map(({ typeUrl }) => typeUrl.split(".").at(-1))).toEqual(["Cluster"]);
    expect(resources[0]?.json).not.toHaveProperty("edsClusterConfig");
    expect(resources[0]?.json).toMatchObject({
      clusterType: { name: "envoy.clusters.dns" },
      loadAssignment: {
        clusterName: "db",
        endpoints: [
          {
            lbEndpoints: [{ endpoint: { address: { socketAddress: { address: "db.internal", portValue: 5432 } } } }],
          },
        ],
      },
    });
  });

  it("asks again when the answer expires, or at the pace that was written", () => {
    expect(configOf({})).toMatchObject({ dnsRefreshRate: "5s", respectDnsTtl: true });
    expect(configOf({ refreshMs: 30_000 })).toMatchObject({ dnsRefreshRate: "30s", respectDnsTtl: false });
  });

  it("makes one host of all addresses of a logical name", () => {
    expect(configOf({})).toMatchObject({ allAddressesInSingleEndpoint: false });
    expect(configOf({ mode: "logical" })).toMatchObject({ allAddressesInSingleEndpoint: true });
  });

  it.each([
    ["v4", "V4_ONLY"],
    ["v6", "V6_ONLY"],
    ["v4-preferred", "V4_PREFERRED"],
    ["v6-preferred", "AUTO"],
    ["all", "ALL"],
  ] as const)("uses the addresses of family %s", (family, dnsLookupFamily) => {
    expect(configOf({ family })).toMatchObject({ dnsLookupFamily });
  });
});
