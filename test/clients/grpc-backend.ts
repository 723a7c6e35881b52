/**
 * A gRPC server that answers every method that tests call with its own label.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";

/** `/package.Service/Method`. */
const METHODS = ["/shop.Orders/Place", "/shop.Orders/Cancel", "/shop.Users/Find"];

/** One backend on a port of its own. */
export class GrpcBackend {
  readonly label: string;
  readonly port: number;
  readonly #server: Server;

  private constructor(label: string, port: number, server: Server) {
    this.label = label;
    this.port = port;
    this.#server = server;
  }

  static async start(label: string): Promise<GrpcBackend> {
    const server = new Server();
    const same = (bytes: Buffer): Buffer => bytes;
    const methods = METHODS.map((path) => ({
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    }));
    const answer = (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void =>
      done(null, Buffer.from(label));
    server.addService(
      Object.fromEntries(methods.map((method) => [method.path, method])),
      Object.fromEntries(METHODS.map((path) => [path, answer])),
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (cause, bound) =>
        cause === null ? resolve(bound) : reject(cause),
      );
    });
    return new GrpcBackend(label, port, server);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }
}
