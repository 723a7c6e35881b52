/**
 * gRPC's standard health service, `grpc.health.v1.Health`: what load balancers and probes ask before they send
 * anybody here.
 *
 * The server is SERVING once it has something to serve, and NOT_SERVING before, and again when it is closing.
 * All services of the server have the same health. The two messages have one field each, so they are read and
 * written here by hand. https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { GrpcCall } from "../grpc/call.ts";
import type { Method } from "../grpc/connection.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import { takeOneRequest } from "../grpc/one-request.ts";
import { status } from "../grpc/status.ts";

/** `HealthCheckResponse` with each `ServingStatus`, shared by all calls. */
const frames = { SERVING: frameOf(1), NOT_SERVING: frameOf(2), SERVICE_UNKNOWN: frameOf(3) } as const;

/** The name of the service, which has a health itself. */
const HEALTH = "grpc.health.v1.Health";

/** One for each server. */
export class HealthService {
  /** The empty name stands for the server as a whole. */
  readonly #services = new Set(["", HEALTH]);
  /** Calls of `Watch` for services that there are. */
  readonly #watching = new Set<GrpcCall>();
  #isServing = false;

  /** There is a service with a method of this path. */
  add(path: string): void {
    this.#services.add(path.split("/")[1] ?? "");
  }

  /** Full names of the services that there are. */
  get services(): readonly string[] {
    return [...this.#services].filter((name) => name !== "");
  }

  /** Its methods, by path. */
  get methods(): readonly (readonly [path: string, method: Method])[] {
    return [
      [`/${HEALTH}/Check`, (call) => takeOneRequest(call, (bytes) => this.#check(call, bytes))],
      [
        `/${HEALTH}/Watch`,
        (call) =>
          takeOneRequest(
            call,
            (bytes) => this.#watch(call, bytes),
            () => this.#watching.delete(call),
          ),
      ],
    ];
  }

  /** Tells who watches, if it is a change. */
  set(isServing: boolean): void {
    if (isServing === this.#isServing) return;
    this.#isServing = isServing;
    for (const call of this.#watching) call.send(this.#frame());
  }

  #check(call: GrpcCall, bytes: Buffer): void {
    const service = readService(bytes);
    if (!this.#services.has(service)) {
      call.end(status.NOT_FOUND, `there is no service ${service.slice(0, 200)}`);
      return;
    }
    call.send(this.#frame());
    call.end(status.OK);
  }

  #watch(call: GrpcCall, bytes: Buffer): void {
    if (this.#services.has(readService(bytes))) {
      this.#watching.add(call);
      call.send(this.#frame());
    } else {
      // The stream stays open: the service might come, as the specification sees it.
      call.send(frames.SERVICE_UNKNOWN);
    }
  }

  #frame(): Buffer {
    return this.#isServing ? frames.SERVING : frames.NOT_SERVING;
  }
}

/** The `service` (1) of a `HealthCheckRequest`. */
function readService(bytes: Buffer): string {
  const reader = new BinaryReader(bytes);
  let service = "";
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) service = reader.string();
    else reader.skip(wireType, number);
  }
  return service;
}

function frameOf(servingStatus: number): Buffer {
  return frameMessage(new BinaryWriter().tag(1, WireType.Varint).int32(servingStatus).finish());
}
