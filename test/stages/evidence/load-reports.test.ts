/**
 * Who may report the load of a node.
 */
import { expect, test } from "vitest";
import type { LoadEvent } from "../../../src/evidence/load-event.ts";
import { LoadReports } from "../../../src/evidence/load-reports.ts";
import { LoadStatsRequest } from "../../../src/gen/envoy/service/load_stats/v3/lrs.ts";
import { GrpcServer } from "../../../src/grpc/grpc-server.ts";
import { frameMessage } from "../../../src/grpc/message-frames.ts";
import { status } from "../../../src/grpc/status.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { RawClient } from "../grpc/raw-grpc.ts";

test("who may not speak for a node is refused, counts for nothing, and is told with its address", async () => {
  await using stack = new AsyncDisposableStack();
  const events: LoadEvent[] = [];
  const reports = new LoadReports({
    clock: systemClock,
    settings: { intervalMs: 1_000, clusters: "all", endpoints: false },
    refusalOf: ({ id }) => (id === "edge-1" ? "it is not edge-1" : undefined),
    emit: (event) => events.push(event),
  });
  const server = new GrpcServer();
  server.register("/load", (call) => reports.answer(call));
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  stack.defer(() => server.close({ reason: "the end", spreadMs: 1, graceMs: 0 }));
  const call = stack.use(new RawClient(port)).call("/load");
  const clusterStats = [{ clusterName: "shop", upstreamLocalityStats: [{ totalIssuedRequests: 9n }] }];
  const report = LoadStatsRequest.fromPartial({ node: { id: "edge-1" }, clusterStats });
  call.stream.write(frameMessage(LoadStatsRequest.encode(report).finish()));
  expect(await call.ended()).toBe(status.PERMISSION_DENIED);
  const peer = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string;
  expect(events).toMatchObject([{ kind: "load-stream-refused", nodeId: "edge-1", reason: "it is not edge-1", peer }]);
  expect([reports.ledger.nodes.size, reports.ledger.clusters.size]).toEqual([0, 0]);
});
