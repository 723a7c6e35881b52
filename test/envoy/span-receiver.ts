/**
 * A collector that takes spans by OpenTelemetry's protocol, over gRPC and over HTTP, and reads what of them tests look at.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** One span; ids in hex. */
export interface Span {
  readonly by: "grpc" | "http";
  /** The `service.name` of its resource. */
  readonly service: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty when it is the first of its trace. */
  readonly parentId: string;
  readonly name: string;
  /** OpenTelemetry's number: 2 is a server's, 3 a client's. */
  readonly kind: number;
  readonly isError: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

const STATUS_ERROR = 2;

/** Two servers on ports of their own. */
export class SpanReceiver implements AsyncDisposable {
  /** In the order of arrival. */
  readonly spans: Span[] = [];
  /** The paths that were asked for over HTTP. */
  readonly paths = new Set<string>();
  readonly #grpc = new Server();
  readonly #http = createServer((request, response) => {
    this.paths.add(request.url ?? "");
    void buffer(request).then((body) => {
      this.spans.push(...readSpans(body, "http"));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  #grpcPort = 0;

  static async start(): Promise<SpanReceiver> {
    const receiver = new SpanReceiver();
    await receiver.#listen();
    return receiver;
  }

  get grpcAddress(): string {
    return `127.0.0.1:${this.#grpcPort}`;
  }

  get httpAddress(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async #listen(): Promise<void> {
    const same = (bytes: Buffer): Buffer => bytes;
    const exportSpans = {
      path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    this.#grpc.addService(
      { export: exportSpans },
      {
        export: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
          this.spans.push(...readSpans(call.request, "grpc"));
          done(null, Buffer.alloc(0));
        },
      },
    );
    this.#grpcPort = await new Promise<number>((resolve, reject) => {
      this.#grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (cause, bound) =>
        cause === null ? resolve(bound) : reject(cause),
      );
    });
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#grpc.forceShutdown();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }
}

/** The fields of a message by number, each as often as it is there. */
type Fields = ReadonlyMap<number, readonly (Uint8Array | number)[]>;

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
function readSpans(bytes: Uint8Array, by: Span["by"]): readonly Span[] {
  return inner(fieldsOf(bytes), 1).flatMap((resourceSpans) => {
    const service = inner(resourceSpans, 1).map((resource) => tagsOf(resource, 1)["service.name"])[0];
    const spans = inner(resourceSpans, 2).flatMap((scope) => inner(scope, 2));
    return spans.map((span) => ({
      by,
      service,
      traceId: hexOf(span, 1),
      spanId: hexOf(span, 2),
      parentId: hexOf(span, 4),
      name: textOf(span, 5),
      kind: Number(span.get(6)?.[0] ?? 0),
      isError: inner(span, 15).some((status) => status.get(3)?.[0] === STATUS_ERROR),
      tags: tagsOf(span, 9),
    }));
  });
}

function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | number)[]>();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const values = fields.get(field) ?? [];
    fields.set(field, values);
    if (wireType === WireType.LengthDelimited) values.push(reader.bytes());
    else if (wireType === WireType.Varint) values.push(Number(reader.uint64()));
    else reader.skip(wireType, field);
  }
  return fields;
}

function inner(fields: Fields, field: number): readonly Fields[] {
  return (fields.get(field) ?? []).flatMap((value) => (value instanceof Uint8Array ? [fieldsOf(value)] : []));
}

function bytesOf(fields: Fields, field: number): Buffer {
  const [value] = fields.get(field) ?? [];
  return Buffer.from(value instanceof Uint8Array ? value : []);
}

function hexOf(fields: Fields, field: number): string {
  return bytesOf(fields, field).toString("hex");
}

function textOf(fields: Fields, field: number): string {
  return bytesOf(fields, field).toString("utf8");
}

/** Attributes whose value is a text. */
function tagsOf(fields: Fields, field: number): Readonly<Record<string, string>> {
  return Object.fromEntries(
    inner(fields, field).map((attribute) => [
      textOf(attribute, 1),
      inner(attribute, 2)
        .map((value) => textOf(value, 1))
        .join(""),
    ]),
  );
}
