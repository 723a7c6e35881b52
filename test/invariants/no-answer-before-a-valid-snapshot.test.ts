/**
 * Invariant 1: no answer before a first complete, valid snapshot.
 *
 * To Envoy an empty response means "delete everything", so until there is something to serve every stream
 * ends with UNAVAILABLE, without a single response, and readiness says no.
 */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/support/clock.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import { configOf, RunningPlane } from "./running-plane.ts";
import { XdsClient } from "./xds-client.ts";

const good = configOf({ a: "127.0.0.1:1" });

/** Opens a stream for everything; returns its end. */
async function refusal(client: XdsClient) {
  for (const typeUrl of [typeUrls.cluster, typeUrls.listener, typeUrls.secret]) client.ask(typeUrl);
  client.ask(typeUrls.route, "public/http").ask(typeUrls.endpoints, "a");
  const { code } = await client.ended();
  client.close();
  return { code, responses: client.responses };
}

const unavailable = { code: status.UNAVAILABLE, responses: [] };

describe.each(["delta", "sotw"] as const)("%s: a node is sent nothing", (variant) => {
  test.each([
    ["a config that cannot be built", { "main.yaml": "services: {" }],
    ["a config that is half right", { "a.yaml": good, "b.yaml": "services: { b: { endpoint: [] } }" }],
    ["an empty directory", {}],
  ])("while there is only %s, and everything once it is put right", async (_, files: Record<string, string>) => {
    await using running = await RunningPlane.start({ files });
    await running.event("config-refused");
    expect(await refusal(running.connect({ variant }))).toEqual(unavailable);
    expect(await running.ask("/readyz")).toMatchObject({ status: 503 });

    await running.save("{}", "b.yaml");
    await running.save(good, Object.keys(files)[0] ?? "a.yaml");
    await running.event("config-accepted");
    // Of two files the first may be served alone for a moment, and who does not acknowledge that is sent nothing more.
    using client = running.connect({ variant, acknowledges: true }).ask(typeUrls.cluster);
    await client.has(typeUrls.cluster, "a");
    expect(await running.ask("/readyz")).toMatchObject({ status: 200 });
  });

  test("while nothing was published at all", async () => {
    const server = new AdsServer({
      clock: systemClock,
      identifier: "test",
      earlier: () => [],
      emit: () => undefined,
    });
    const port = await server.listen("127.0.0.1:0");
    expect(await refusal(new XdsClient({ port, variant }))).toEqual(unavailable);
    await server.close();
  });

  test("when it belongs to no group or to two, and it is listed", async () => {
    const nodes = "nodes: { edge: { match: { cluster: edge } }, one: { match: { id: node-1 } } }";
    await using running = await RunningPlane.start({ files: { "main.yaml": `${good}\n${nodes}` } });
    await running.event("config-accepted");
    expect(await refusal(running.connect({ variant, nodeId: "stranger" }))).toEqual(unavailable);
    expect(await refusal(running.connect({ variant, nodeId: "node-1", cluster: "edge" }))).toEqual(unavailable);
    const { text } = await running.ask("/v1/nodes");
    for (const listed of ["stranger", "node-1"]) expect(text).toContain(`"id":"${listed}"`);
  });
});
