/**
 * The load reporting service over real gRPC: what is asked of nodes, what becomes of what they say, and that
 * nobody can hold it up.
 */
import { Client, credentials } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSchema } from "../../src/admin/load-schema.ts";
import { LoadReportingServiceDefinition } from "../../src/gen/envoy/service/load_stats/v3/lrs.ts";
import { LoadStatsRequest } from "../../src/gen/envoy/service/load_stats/v3/lrs.ts";
import type { LoadStatsResponse } from "../../src/gen/envoy/service/load_stats/v3/lrs.ts";
import { eventually, eventuallyValue } from "../support/eventually.ts";
import { grpcMethods } from "../support/grpc-methods.ts";
import { RunningPlane } from "../invariants/running-plane.ts";

const { path, requestSerialize, responseDeserialize } = grpcMethods(LoadReportingServiceDefinition).streamLoadStats;

let running: RunningPlane;

beforeAll(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": "services: {}" } });
});

afterAll(() => running[Symbol.asyncDispose]());

/** A client that reports what a test tells it to. */
class Reporter {
  readonly asked: LoadStatsResponse[] = [];
  failure: Pick<ServiceError, "code" | "details"> | undefined;
  readonly #client = new Client(`127.0.0.1:${running.port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  readonly #call = this.#client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, responseDeserialize);

  constructor() {
    this.#call.on("data", (response: LoadStatsResponse) => this.asked.push(response));
    this.#call.on("error", ({ code, details }: ServiceError) => (this.failure = { code, details }));
  }

  send(request: Parameters<typeof LoadStatsRequest.fromPartial>[0]): void {
    this.sendBytes(requestSerialize(LoadStatsRequest.fromPartial(request)));
  }

  sendBytes(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  /** One request to a cluster that took a second. */
  report(clusterName: string, issued: bigint, nodeId = "reporter"): void {
    const counts = { totalIssuedRequests: issued, totalSuccessfulRequests: issued, totalRequestsInProgress: 1n };
    this.send({
      node: { id: nodeId },
      clusterStats: [{ clusterName, loadReportInterval: { seconds: 1n }, upstreamLocalityStats: [counts] }],
    });
  }

  [Symbol.dispose](): void {
    this.#call.cancel();
    this.#client.close();
  }
}

async function loadOf(query: string) {
  const { json, status } = await running.ask(`/v1/load?${query}`);
  return status === 200 ? loadSchema.parse(json) : undefined;
}

test("a node is told what to report, and what it says is added up until it goes", async () => {
  using reporter = new Reporter();
  reporter.send({ node: { id: "reporter" } });
  await eventually("the first response", () => reporter.asked.length === 1);
  expect(reporter.asked).toEqual([
    {
      clusters: [],
      sendAllClusters: true,
      loadReportingInterval: { seconds: 1n, nanos: 0 },
      reportEndpointGranularity: false,
    },
  ]);
  reporter.report("shop", 3n);
  reporter.report("shop", 4n);
  const shop = async () => (await loadOf("cluster=shop"))?.clusters[0];
  await eventually("both reports", async () => (await shop())?.issued === 7);
  expect(await shop()).toMatchObject({ successful: 7, failed: 0, inProgress: 1 });
  expect((await loadOf("node=reporter"))?.clusters).toMatchObject([{ cluster: "shop", perSecond: { issued: 4 } }]);
  expect(await running.event("load-stream-opened")).toMatchObject({ nodeId: "reporter" });
  reporter[Symbol.dispose]();
  expect(await running.event("load-stream-closed")).toMatchObject({ nodeId: "reporter" });
  expect(await shop()).toMatchObject({ issued: 7, inProgress: 0 });
  expect(await loadOf("node=reporter")).toBeUndefined();
});

test("a change of what is to be reported reaches every node that reports, at once", async () => {
  using one = new Reporter();
  using two = new Reporter();
  for (const [index, each] of [one, two].entries()) each.send({ node: { id: `node-${index}` } });
  await eventually("the first responses", () => one.asked.length + two.asked.length === 2);
  const body = { interval: "2.5s", clusters: ["shop"], endpoints: true };
  expect((await running.ask("/v1/load-settings", { method: "PUT", body })).json).toEqual(body);
  await eventually("the second responses", () => one.asked.length + two.asked.length === 4);
  const asked = {
    clusters: ["shop"],
    sendAllClusters: false,
    loadReportingInterval: { seconds: 2n, nanos: 500_000_000 },
    reportEndpointGranularity: true,
  };
  expect([one.asked[1], two.asked[1]]).toEqual([asked, asked]);
  expect(await running.event("load-settings-changed")).toMatchObject({ intervalMs: 2_500, clustersCount: 1 });
});

describe("a stream is ended, and no other", () => {
  test.each([
    ["without a node id", (reporter: Reporter) => reporter.send({ node: { cluster: "edge" } }), "node.id"],
    ["by bytes that are no report", (reporter: Reporter) => reporter.sendBytes(Buffer.from([0x12, 0x7f])), "LoadStats"],
  ])("%s", async (_title, send, words) => {
    using other = new Reporter();
    using wrong = new Reporter();
    other.send({ node: { id: "other" } });
    send(wrong);
    const failure = await eventuallyValue("the end of the stream", () => wrong.failure);
    expect(failure).toMatchObject({ code: 3, details: expect.stringContaining(words) });
    other.report("cart", 1n, "other");
    await eventually("the other's report", async () => ((await loadOf("cluster=cart"))?.clusters[0]?.issued ?? 0) > 0);
    expect(other.failure).toBeUndefined();
  });
});
