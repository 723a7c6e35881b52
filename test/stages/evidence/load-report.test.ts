/**
 * Load reports as they come from the wire.
 */
import { expect, test } from "vitest";
import { decodeLoadReport } from "../../../src/evidence/load-report.ts";
import { encodeLoadSettings } from "../../../src/evidence/load-settings.ts";
import { LoadStatsRequest, LoadStatsResponse } from "../../../src/gen/envoy/service/load_stats/v3/lrs.ts";

const report = LoadStatsRequest.encode(
  LoadStatsRequest.fromPartial({
    node: { id: "edge-1", cluster: "edge" },
    clusterStats: [
      {
        clusterName: "shop",
        loadReportInterval: { seconds: 1n, nanos: 500_000_000 },
        totalDroppedRequests: 3n,
        droppedRequests: [{ category: "overload", droppedCount: 2n }],
        upstreamLocalityStats: [
          {
            locality: { region: "eu", zone: "eu-1", subZone: "a" },
            priority: 1,
            totalSuccessfulRequests: 74n,
            totalErrorRequests: 5n,
            totalIssuedRequests: 80n,
            totalRequestsInProgress: 1n,
            upstreamEndpointStats: [
              {
                address: {
                  address: {
                    $case: "socketAddress",
                    value: { address: "::1", portSpecifier: { $case: "portValue", value: 9_000 } },
                  },
                },
                totalSuccessfulRequests: 74n,
                totalIssuedRequests: 80n,
              },
            ],
          },
        ],
      },
      { clusterName: "idle" },
    ],
  }),
).finish();

test("a report is read with its counts, interval, localities, hosts and drops", () => {
  const counts = { successful: 74, failed: 5, issued: 80, inProgress: 1 };
  expect(decodeLoadReport(report, { withNode: true })).toMatchObject({
    node: { id: "edge-1" },
    clusters: [
      {
        cluster: "shop",
        intervalMs: 1_500,
        dropped: 3,
        droppedBy: [{ category: "overload", count: 2 }],
        localities: [
          {
            ...counts,
            ...{ region: "eu", zone: "eu-1", subZone: "a", priority: 1 },
            endpoints: [{ address: "[::1]:9000", successful: 74, failed: 0, issued: 80, inProgress: 0 }],
          },
        ],
      },
      { cluster: "idle", intervalMs: 0, dropped: 0, localities: [] },
    ],
  });
});

test("the node that Envoy repeats in every report is skipped without being decoded", () => {
  const { node, clusters } = decodeLoadReport(report, { withNode: false });
  expect(node).toBeUndefined();
  // Bytes that are no node, under the field of the node: only who decodes it minds.
  const broken = Buffer.concat([Buffer.from([0x0a, 3, 0xff, 0xff, 0xff]), report.subarray(2 + (report[1] ?? 0))]);
  expect(decodeLoadReport(broken, { withNode: false })).toEqual({ node: undefined, clusters });
  expect(() => decodeLoadReport(broken, { withNode: true })).toThrow(/./);
});

test("what Envoys are asked for is read by the generated code", () => {
  const asked = (settings: Parameters<typeof encodeLoadSettings>[0]) =>
    LoadStatsResponse.decode(encodeLoadSettings(settings));
  expect(asked({ intervalMs: 2_500, clusters: "all", endpoints: true })).toEqual({
    sendAllClusters: true,
    clusters: [],
    loadReportingInterval: { seconds: 2n, nanos: 500_000_000 },
    reportEndpointGranularity: true,
  });
  expect(asked({ intervalMs: 1_000, clusters: ["shop", "cart"], endpoints: false })).toMatchObject({
    sendAllClusters: false,
    clusters: ["shop", "cart"],
    reportEndpointGranularity: false,
  });
});
