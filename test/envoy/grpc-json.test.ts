/**
 * gRPC-JSON: a real Envoy calls a gRPC service for clients that speak HTTP and JSON, by a descriptor set that is a file.
 */
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createFileRegistry, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { present } from "../../src/support/assert.ts";
import type { GrpcAnswer, GrpcCall } from "./grpc-peer.ts";
import { callGrpc, connectGrpc, GrpcServer } from "./grpc-peer.ts";
import { startScene } from "./scene.ts";

const setPath = join(import.meta.dirname, "../../examples/grpc-json/protos/shop.binpb");
const set = fromBinary(FileDescriptorSetSchema, await readFile(setPath));
const registry = createFileRegistry(set);

function bytesOf(type: string, fields: object): Buffer {
  const schema: DescMessage = present(registry.getMessage(`shop.v1.${type}`), "the set has it");
  return Buffer.from(toBinary(schema, create(schema, fields as MessageInitShape<DescMessage>)));
}

function fieldsOf(type: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return fromBinary(present(registry.getMessage(`shop.v1.${type}`), "the set has it"), bytes);
}

function answer({ path, message }: GrpcCall): GrpcAnswer {
  const order = (id: string, itemName: string) => bytesOf("Order", { id, itemName, pieces: 2 });
  if (path === "/shop.v1.Orders/List") return { kind: "messages", messages: [order("1", "tea"), order("2", "cups")] };
  if (path === "/shop.v1.Orders/Place") {
    const { user, order: placed } = fieldsOf("PlaceOrder", message) as { user: string; order: { itemName: string } };
    return { kind: "messages", messages: [order(user, placed.itemName)] };
  }
  const { id, withItems } = fieldsOf("GetOrder", message);
  if (id === "404") return { kind: "failure", status: 5, text: "no such order" };
  return { kind: "messages", messages: [order(String(id), withItems === true ? "with items" : "tea")] };
}

/** One request on a connection of its own: status, and the body read as JSON if it is that. */
async function json(url: string, posted?: object): Promise<readonly [number | undefined, unknown]> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof json>>>();
  const headers = posted === undefined ? {} : { "content-type": "application/json" };
  const client = request(url, { method: posted === undefined ? "GET" : "POST", headers, agent: false }, (response) => {
    const isJson = response.headers["content-type"] === "application/json";
    text(response).then((body) => resolve([response.statusCode, isJson ? JSON.parse(body) : body]), reject);
  });
  client.once("error", reject);
  client.end(posted === undefined ? undefined : JSON.stringify(posted));
  return promise;
}

test("gRPC-JSON: a service is called with HTTP and JSON, and the file that describes it is watched", async () => {
  await using server = await GrpcServer.start(answer);
  await using scene = await startScene({
    backends: 0,
    prepare: async (configDir) => {
      await mkdir(join(configDir, "protos"));
      await copyFile(setPath, join(configDir, "protos/shop.binpb"));
    },
    config: ({ port }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  orders: { protocol: grpc, endpoints: ["${server.address}"] }
policies:
  json: { grpcJson: { descriptorSet: protos/shop.binpb, services: [shop.v1.Orders], rejectUnknownMethod: true } }
routes:
  api:
    rules:
      - { matches: [{ path: /v1 }], policies: [json], backends: [{ service: orders }] }
      - { matches: [{ path: /v1/raw }], backends: [{ service: orders }] }
      - { matches: [{ grpc: { service: shop.v1.Orders } }], policies: [json], backends: [{ service: orders }] }
`,
  });
  const url = `${scene.url}v1`;
  expect(await json(`${url}/orders/7`)).toEqual([200, { id: "7", itemName: "tea", pieces: 2 }]);
  expect(await json(`${url}/orders/7?with_items=true`)).toEqual([200, { id: "7", itemName: "with items", pieces: 2 }]);
  const placed = await json(`${url}/users/ada/orders`, { itemName: "cups" });
  expect(placed).toEqual([200, { id: "ada", itemName: "cups", pieces: 2 }]);
  expect(await json(`${url}/orders`), "a stream is an array").toEqual([
    200,
    [
      { id: "1", itemName: "tea", pieces: 2 },
      { id: "2", itemName: "cups", pieces: 2 },
    ],
  ]);
  expect(await json(`${url}/orders/404`)).toEqual([404, { code: 5, message: "no such order" }]);
  expect((await json(`${url}/nothing`))[0], "no method is called so").toBe(404);
  using client = connectGrpc(scene.port);
  const call = await callGrpc(client, "/shop.v1.Orders/Get", { message: bytesOf("GetOrder", { id: "9" }) });
  expect(call.grpcStatus, "gRPC stays gRPC").toBe("0");
  expect(fieldsOf("Order", present(call.messages[0], "one message"))["id"]).toBe("9");

  // The file's next version gives a field another name.
  const order = set.file.flatMap(({ messageType }) => messageType).find(({ name }) => name === "Order");
  present(
    order?.field.find(({ number }) => number === 3),
    "an order has pieces",
  ).jsonName = "count";
  const next = join(scene.configDir, "protos/.next");
  await writeFile(next, toBinary(FileDescriptorSetSchema, set));
  const before = await scene.served();
  await rename(next, join(scene.configDir, "protos/shop.binpb"));
  await scene.converged(before);
  expect(await json(`${url}/orders/7`)).toEqual([200, { id: "7", itemName: "tea", count: 2 }]);
});
