/**
 * A service that speaks envoy.service.ext_proc.v3 over gRPC, and remembers what it was sent.
 *
 * It marks headers with `x-processed`, makes the bodies of requests upper case, puts `!` behind those of answers, and
 * answers requests with `x-stop` itself. A request with `x-hang` gets no answer from it.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { JsonValue } from "../../src/model/intent.ts";
import { envoyApi } from "../support/envoy-api.ts";

const messages = "type.googleapis.com/envoy.service.ext_proc.v3";

interface Headers {
  readonly headers?: { readonly headers?: readonly { readonly key: string; readonly rawValue?: string }[] };
}

/** The part of a ProcessingRequest that tests read. */
export interface ProcessingRequest {
  readonly requestHeaders?: Headers;
  readonly responseHeaders?: Headers;
  readonly requestBody?: { readonly body?: string };
  readonly responseBody?: { readonly body?: string };
  readonly attributes?: Readonly<Record<string, JsonValue>>;
  readonly metadataContext?: { readonly filterMetadata?: Readonly<Record<string, JsonValue>> };
}

export interface ProcessingService extends AsyncDisposable {
  readonly address: string;
  readonly asked: ProcessingRequest[];
  /** Nobody answers any more. */
  readonly close: () => void;
}

export async function startProcessingService(): Promise<ProcessingService> {
  const asked: ProcessingRequest[] = [];
  const server = new Server();
  server.addService(
    {
      Process: {
        path: "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
        requestStream: true,
        responseStream: true,
        requestDeserialize: (bytes: Buffer) => envoyApi.toJson(`${messages}.ProcessingRequest`, bytes),
        requestSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: encode,
      },
    },
    {
      Process: (stream: ServerDuplexStream<JsonValue, JsonValue>) => {
        stream.on("data", (message: ProcessingRequest) => {
          asked.push(message);
          const answer = answerTo(message);
          if (answer !== undefined) stream.write(answer);
        });
        stream.on("end", () => stream.end());
        // Envoy resets a stream that it has no use for.
        stream.on("error", () => stream.end());
      },
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  const port = await promise;
  const close = () => server.forceShutdown();
  return {
    address: `127.0.0.1:${port}`,
    asked,
    close,
    [Symbol.asyncDispose]: () => Promise.resolve(close()),
  };
}

function answerTo({
  requestHeaders,
  responseHeaders,
  requestBody,
  responseBody,
}: ProcessingRequest): Message | undefined {
  if (requestHeaders !== undefined) {
    const names = requestHeaders.headers?.headers?.map(({ key }) => key) ?? [];
    if (names.includes("x-hang")) return undefined;
    if (names.includes("x-stop")) return stopped;
    return { requestHeaders: { response: marked("request") } };
  }
  if (responseHeaders !== undefined) return { responseHeaders: { response: marked("response") } };
  if (requestBody !== undefined) return { requestBody: { response: rewritten(text(requestBody).toUpperCase()) } };
  if (responseBody !== undefined) return { responseBody: { response: rewritten(`${text(responseBody)}!`) } };
  return undefined;
}

type Message = { readonly [key: string]: JsonValue };

const stopped: Message = {
  immediateResponse: { status: { code: "PaymentRequired" }, body: base64("pay first"), details: "unpaid" },
};

function marked(value: string): Message {
  return { headerMutation: { setHeaders: [{ header: { key: "x-processed", rawValue: base64(value) } }] } };
}

function rewritten(body: string): Message {
  return { bodyMutation: { body: base64(body) } };
}

function text({ body = "" }: { readonly body?: string }): string {
  return Buffer.from(body, "base64").toString();
}

function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}

function encode(json: JsonValue): Buffer {
  const encoded = envoyApi.encode(`${messages}.ProcessingResponse`, json);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return Buffer.from(encoded.value.bytes);
}
