/**
 * A service that takes access logs, by Envoy's own protocol and by OpenTelemetry's, and keeps the bytes.
 */
import type { sendUnaryData, ServerReadableStream, ServerUnaryCall } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";

/** One server on a port of its own. */
export class LogReceiver implements AsyncDisposable {
  /** Messages of Envoy's protocol, in the order of arrival. */
  readonly envoys: Buffer[] = [];
  /** Messages of OpenTelemetry's. */
  readonly otlp: Buffer[] = [];
  readonly #server = new Server();
  #port = 0;

  static async start(): Promise<LogReceiver> {
    const receiver = new LogReceiver();
    await receiver.#listen();
    return receiver;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async #listen(): Promise<void> {
    const same = (bytes: Buffer): Buffer => bytes;
    const method = (path: string, requestStream: boolean) => ({
      path,
      requestStream,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    });
    this.#server.addService(
      {
        export: method("/opentelemetry.proto.collector.logs.v1.LogsService/Export", false),
        stream: method("/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs", true),
      },
      {
        export: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
          this.otlp.push(call.request);
          done(null, Buffer.alloc(0));
        },
        stream: (call: ServerReadableStream<Buffer, Buffer>): void => {
          call.on("data", (message: Buffer) => this.envoys.push(message));
          call.on("error", () => undefined);
        },
      },
    );
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (cause, bound) =>
        cause === null ? resolve(bound) : reject(cause),
      );
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }
}
