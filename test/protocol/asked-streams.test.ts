/**
 * What the admin API says of nodes by asking their open streams, over real gRPC.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeResourcesSchema, nodeSchema } from "../../src/admin/api-schema.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { RunningPlane } from "../invariants/running-plane.ts";
import { eventuallyValue } from "../support/eventually.ts";

const config = (timeoutMs: number) => `services:
  cart: { endpoints: ["127.0.0.1:2"] }
  shop: { endpoints: ["127.0.0.1:1"], connectTimeout: ${timeoutMs}ms }
nodes: { default: { updates: { deadline: 1m } } }`;

let running: RunningPlane;

beforeAll(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": config(1_000) } });
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
  expect(waiting).toMatchObject({ for: "ACK of clusters (cart, shop)", overdue: false, snapshot: running.version() });
  expect(Date.parse(waiting?.deadline ?? "") - Date.parse(waiting?.since ?? "")).toBe(60_000);
  const { json } = await running.ask("/v1/snapshots");
  const slow = { node: "slow", state: "pending", reason: "ACK of clusters (cart, shop)" };
  expect(json).toMatchObject({ groups: [{ convergence: { laggards: [slow] } }] });

  client.acknowledge(response);
  client.ask(typeUrls.endpoints, "cart", "shop");
  client.acknowledge(await client.response(typeUrls.endpoints));
  const done = await eventuallyValue("the node to be done", async () => {
    const node = await nodeOf("slow");
    return node.waiting === undefined ? node : undefined;
  });
  expect(done.streams).toEqual([expect.not.objectContaining({ waiting: expect.anything() })]);
});

test("each resource of a node is shown with what it has, is to have, and said when it rejected it", async () => {
  using client = running.connect({ nodeId: "picky", follows: true, acknowledges: true }).ask(typeUrls.cluster);
  await client.has(typeUrls.endpoints, "cart", "shop");
  const shown = async (query = "") => {
    const { json } = await running.ask(`/v1/nodes/picky/resources?${query}`);
    return nodeResourcesSchema.parse(json);
  };
  const before = await eventuallyValue("the node to be done", async () => {
    const page = await shown();
    return page.resources.every(({ status }) => status === "synced") ? page : undefined;
  });
  expect(before.resources.map(({ type, name }) => `${type} ${name}`)).toEqual([
    "clusters cart",
    "clusters shop",
    "endpoints cart",
    "endpoints shop",
  ]);
  client.withholds = true;
  await running.save(config(2_000));
  client.reject(await client.response(typeUrls.cluster, 1), "Error adding/updating cluster(s) shop: no");
  const rejected = await eventuallyValue("the rejection", async () => {
    const { resources } = await shown("type=clusters");
    return resources.find(({ status }) => status === "error");
  });
  const old = before.resources.find(({ type, name }) => type === "clusters" && name === "shop");
  expect(rejected).toMatchObject({
    name: "shop",
    version: old?.wantedVersion,
    at: { file: expect.stringContaining("main.yaml"), line: 3 },
    rejection: { message: "Error adding/updating cluster(s) shop: no" },
  });
  expect(rejected?.wantedVersion).not.toBe(old?.wantedVersion);
  const first = await shown("limit=3");
  const second = await shown(`limit=3&after=${first.next}`);
  expect([first.next, second.resources.map(({ name }) => name), second.next]).toEqual([
    "endpoints/cart",
    ["shop"],
    undefined,
  ]);
  expect((await running.ask("/v1/nodes/nobody/resources")).status).toBe(404);
});
