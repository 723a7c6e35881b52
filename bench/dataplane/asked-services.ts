/**
 * The services that policies ask over gRPC: a rate limit service, an authorization service and a collector of spans.
 *
 * All three run in the benchmark's own program, let everything through with an answer that is always the same, and count
 * how often they were asked. They read nothing, because only the time of the Envoy that asks is measured.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";

/** Path and encoded answer of each. */
const services = {
  // RateLimitResponse { overall_code: OK }
  limiter: ["/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit", Buffer.from([0x08, 0x01])],
  // CheckResponse { status {}, ok_response {} }; a status without a code is OK.
  authorizer: ["/envoy.service.auth.v3.Authorization/Check", Buffer.from([0x0a, 0x00, 0x1a, 0x00])],
  // ExportTraceServiceResponse {}: all spans were taken.
  collector: ["/opentelemetry.proto.collector.trace.v1.TraceService/Export", Buffer.alloc(0)],
} as const;

export type AskedService = keyof typeof services;

/** All of them, on one port. */
export class AskedServices implements AsyncDisposable {
  readonly #server = new Server();
  readonly #calls = new Map<string, number>();
  #port = 0;

  static async start(): Promise<AskedServices> {
    const asked = new AskedServices();
    for (const [name, [path, answer]] of Object.entries(services)) asked.#serve(name, path, answer);
    asked.#port = await new Promise<number>((resolve, reject) => {
      asked.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (cause, bound) =>
        cause === null ? resolve(bound) : reject(cause),
      );
    });
    return asked;
  }

  get port(): number {
    return this.#port;
  }

  /** `services` of a config, one for each by its name. */
  config(): Readonly<Record<string, object>> {
    const service = { endpoints: [`127.0.0.1:${this.port}`], protocol: "grpc" };
    return Object.fromEntries(Object.keys(services).map((name) => [name, service]));
  }

  /** How often it was asked until now. */
  callsOf(name: AskedService): number {
    return this.#calls.get(name) ?? 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }

  #serve(name: string, path: string, answer: Buffer): void {
    const same = (bytes: Buffer): Buffer => bytes;
    const method = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    } as const;
    this.#server.addService(
      { ask: method },
      {
        ask: (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
          this.#calls.set(name, this.callsOf(name as AskedService) + 1);
          done(null, answer);
        },
      },
    );
  }
}
