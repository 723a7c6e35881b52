/**
 * A rate limit service that speaks envoy.service.ratelimit.v3 over gRPC, and remembers what it was asked.
 *
 * It counts each descriptor that it was told a limit of; everything else it lets through.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import type { JsonValue } from "../../src/model/intent.ts";
import { envoyApi } from "../support/envoy-api.ts";

const messages = "type.googleapis.com/envoy.service.ratelimit.v3";

interface Asked {
  readonly domain: string;
  readonly descriptors: readonly { readonly entries: readonly { readonly key: string; readonly value: string }[] }[];
}

/** One running service; without limits it lets everything through. */
export class RateLimitService {
  /** The domain and the descriptors as `key=value,key=value` of each call, in their order. */
  readonly asked: string[] = [];
  readonly #limits: ReadonlyMap<string, number>;
  readonly #counts = new Map<string, number>();
  readonly #server = new Server();
  #port = 0;

  private constructor(limits: ReadonlyMap<string, number>) {
    this.#limits = limits;
  }

  /** `limits` are how many requests of a descriptor, written `key=value,key=value`, go through. */
  static async start(limits: Readonly<Record<string, number>>): Promise<RateLimitService> {
    const service = new RateLimitService(new Map(Object.entries(limits)));
    const bytes = (value: Buffer): Buffer => value;
    service.#server.addService(
      {
        ask: {
          path: "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
          requestStream: false,
          responseStream: false,
          requestSerialize: bytes,
          requestDeserialize: bytes,
          responseSerialize: bytes,
          responseDeserialize: bytes,
        },
      },
      {
        ask: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void =>
          done(null, service.answer(request)),
      },
    );
    service.#port = await new Promise<number>((resolve, reject) => {
      service.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (cause, bound) =>
        cause === null ? resolve(bound) : reject(cause),
      );
    });
    return service;
  }

  /** `127.0.0.1:port`, as config files write it. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** From a RateLimitRequest to its RateLimitResponse. */
  answer(request: Uint8Array): Buffer {
    const { domain, descriptors } = envoyApi.toJson(`${messages}.RateLimitRequest`, request) as unknown as Asked;
    const names = descriptors.map(({ entries }) => entries.map(({ key, value }) => `${key}=${value}`).join(","));
    this.asked.push(`${domain}: ${names.join(" | ")}`);
    const statuses = names.map((name) => this.#count(name));
    const overall = statuses.some(({ code }) => code === "OVER_LIMIT") ? "OVER_LIMIT" : "OK";
    const encoded = envoyApi.encode(`${messages}.RateLimitResponse`, { overallCode: overall, statuses });
    if (!encoded.ok) throw new Error(encoded.error.message);
    return Buffer.from(encoded.value.bytes);
  }

  /** Nobody answers any more. */
  close(): void {
    this.#server.forceShutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #count(name: string): { readonly [key: string]: JsonValue; readonly code: string } {
    const limit = this.#limits.get(name);
    if (limit === undefined) return { code: "OK" };
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return {
      code: count > limit ? "OVER_LIMIT" : "OK",
      currentLimit: { requestsPerUnit: limit, unit: "HOUR" },
      limitRemaining: Math.max(0, limit - count),
      durationUntilReset: "60s",
    };
  }
}
