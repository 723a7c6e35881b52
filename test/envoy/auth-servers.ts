/**
 * Servers that are asked whether a request may go on: over gRPC as Envoy's protocol has it, and over HTTP.
 *
 * Both let a request go on whose `x-pass` says yes, and keep what they were asked.
 */
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import type { JsonValue } from "../../src/model/intent.ts";
import { envoyApi } from "../support/envoy-api.ts";

const auth = "type.googleapis.com/envoy.service.auth.v3";

/** The part of a CheckRequest that tests read. */
export interface Checked {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface AuthServer<Asked> extends AsyncDisposable {
  readonly address: string;
  readonly asked: readonly Asked[];
}

export async function startGrpcAuth(): Promise<AuthServer<Checked>> {
  const asked: Checked[] = [];
  const server = new Server();
  server.addService(
    {
      Check: {
        path: "/envoy.service.auth.v3.Authorization/Check",
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes: Buffer) => envoyApi.toJson(`${auth}.CheckRequest`, bytes),
        requestSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (json: JsonValue) => Buffer.from(encode(json)),
      },
    },
    {
      Check: (call: ServerUnaryCall<JsonValue, JsonValue>, answer: sendUnaryData<JsonValue>) => {
        const { attributes } = call.request as { attributes?: { request?: { http?: Checked } } };
        const http = attributes?.request?.http ?? {};
        asked.push(http);
        answer(null, http.headers?.["x-pass"] === "yes" ? passed : denied);
      },
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  const port = await promise;
  return {
    address: `127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

const passed: JsonValue = {
  status: { code: 0 },
  okResponse: { headers: [{ header: { key: "x-user", value: "ann" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" }] },
};
const denied: JsonValue = {
  status: { code: 7 },
  deniedResponse: { status: { code: "PaymentRequired" }, headers: [{ header: { key: "x-why", value: "poor" } }] },
};

function encode(json: JsonValue): Uint8Array {
  const encoded = envoyApi.encode(`${auth}.CheckResponse`, json);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return encoded.value.bytes;
}

/** What the server over HTTP was asked. */
export interface HttpAsked {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export async function startHttpAuth(): Promise<AuthServer<HttpAsked>> {
  const asked: HttpAsked[] = [];
  const server = createServer((request, response) => {
    asked.push({ path: request.url, headers: request.headers });
    const isPassed = request.headers["x-pass"] === "yes";
    response.writeHead(isPassed ? 200 : 302, { "x-user": "ann", "x-seen": "1", location: "https://login.test/" });
    response.end();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      return closed.promise;
    },
  };
}
