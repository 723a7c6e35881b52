/**
 * gRPC-Web: a real Envoy makes gRPC of what a browser sends, where a route says so.
 */
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { GrpcBackend } from "../clients/grpc-backend.ts";
import { startScene } from "./scene.ts";

/** One call with an empty message, as a browser makes it: the content type and the bytes of the answer. */
async function call(url: string): Promise<{ readonly type: string | undefined; readonly body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof call>>>();
  const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
  const client = request(url, { method: "POST", headers, agent: false }, (response) => {
    buffer(response).then((body) => resolve({ type: response.headers["content-type"], body }), reject);
  });
  client.once("error", reject);
  client.end(Buffer.alloc(5));
  return promise;
}

test("gRPC-Web: a browser's call reaches a gRPC server, and the status comes back at the end of the body", async () => {
  await using grpc = await GrpcBackend.start("orders-1");
  await using scene = await startScene({
    backends: 0,
    config: ({ port }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [pages] }
services:
  orders: { protocol: grpc, endpoints: ["${grpc.address}"] }
policies:
  pages: { grpcWeb: {} }
routes:
  orders:
    rules:
      - { matches: [{ path: /shop.Users }], filters: [{ grpcWeb: none }], backends: [{ service: orders }] }
      - { backends: [{ service: orders }] }
`,
  });
  const url = `http://127.0.0.1:${scene.port}`;
  const answer = await call(`${url}/shop.Orders/Place`);
  expect(answer.type).toBe("application/grpc-web+proto");
  const label = Buffer.from("orders-1");
  expect(answer.body.subarray(0, 5 + label.length)).toEqual(
    Buffer.concat([Buffer.of(0, 0, 0, 0, label.length), label]),
  );
  const trailers = answer.body.subarray(5 + label.length);
  expect(trailers[0], "the frame of the trailers").toBe(0x80);
  expect(trailers.subarray(5).toString()).toContain("grpc-status:0");
  const other = await call(`${url}/shop.Users/Find`);
  expect(other.body.includes("grpc-status:0")).toBe(false);
});
