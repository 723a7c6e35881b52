/**
 * What the admin API says of nodes by asking their open streams, over real gRPC.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeSchema } from "../../src/admin/api-schema.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { RunningPlane } from "../invariants/running-plane.ts";
import { eventuallyValue } from "../support/eventually.ts";

const config = `services: { shop: { endpoints: ["127.0.0.1:1"] } }
nodes: { default: { updates: { deadline: 1m } } }`;

let running: RunningPlane;

beforeAll(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": config } });
  await running.newVersion();
});

afterAll(() => running[Symbol.asyncDispose]());

async function nodeOf(id: string) {
  return nodeSchema.parse((await running.ask(`/v1/nodes/${id}`)).json);
}

test("a node that does not answer is shown with what each of its streams waits for, and until when", async () => {
  using client = running.connect({ nodeId: "slow" }).ask(typeUrls.cluster);
  const response = await client.response(typeUrls.cluster);
  const { waiting, streams } = await nodeOf("slow");
  expect(streams).toEqual([expect.objectContaining({ variant: "delta", waiting })]);
  expect(waiting).toMatchObject({ for: "ACK of clusters (shop)", overdue: false, snapshot: running.version() });
  expect(Date.parse(waiting?.deadline ?? "") - Date.parse(waiting?.since ?? "")).toBe(60_000);
  const { json } = await running.ask("/v1/snapshots");
  const slow = { node: "slow", state: "pending", reason: "ACK of clusters (shop)" };
  expect(json).toMatchObject({ groups: [{ convergence: { laggards: [slow] } }] });

  client.acknowledge(response);
  client.ask(typeUrls.endpoints, "shop");
  client.acknowledge(await client.response(typeUrls.endpoints));
  const done = await eventuallyValue("the node to be done", async () => {
    const node = await nodeOf("slow");
    return node.waiting === undefined ? node : undefined;
  });
  expect(done.streams).toEqual([expect.not.objectContaining({ waiting: expect.anything() })]);
});
