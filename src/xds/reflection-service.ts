/**
 * gRPC's server reflection, in its two versions: tools such as grpcurl learn from it what can be called here.
 *
 * It says which services there are and gives the descriptors of their files; extensions, which are proto2's, are
 * not looked for. The messages are read and written by hand, as in the health service.
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import type { Method } from "../grpc/connection.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import { status } from "../grpc/status.ts";
import type { DescriptorFiles } from "./descriptor-files.ts";
import { FieldCursor } from "./field-cursor.ts";

const versions = ["grpc.reflection.v1", "grpc.reflection.v1alpha"];

/** Fields of `ServerReflectionRequest`. */
const asked = { fileByFilename: 3, fileContainingSymbol: 4, listServices: 7 } as const;
/** Fields of `ServerReflectionResponse`. */
const told = { originalRequest: 2, fileDescriptors: 4, services: 6, error: 7 } as const;

/** A tool asks some hundred times, for each file that a file imports; more is no tool. */
const REQUESTS_MAX = 10_000;

/** What it is made from. */
export interface ReflectionSource {
  /** Full names, asked for each time. */
  services(): readonly string[];
  /** Called at the first request that is about a file. */
  files(): DescriptorFiles;
}

/** Its methods, by path. */
export function reflectionMethods(source: ReflectionSource): readonly (readonly [path: string, method: Method])[] {
  return versions.map((version) => [
    `/${version}.ServerReflection/ServerReflectionInfo`,
    (call) => answerAll(call, source),
  ]);
}

function answerAll(call: GrpcCall, source: ReflectionSource): CallListener {
  let count = 0;
  return {
    message(bytes) {
      count += 1;
      if (count > REQUESTS_MAX) call.end(status.RESOURCE_EXHAUSTED, `a stream may ask ${REQUESTS_MAX} times`);
      else call.send(frameMessage(answer(bytes, source)));
    },
    halfClosed: () => call.end(status.OK),
    cancelled: () => undefined,
  };
}

function answer(request: Buffer, source: ReflectionSource): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(told.originalRequest, WireType.LengthDelimited).bytes(request);
  const question = readQuestion(request);
  if (question?.kind === asked.listServices) {
    writer.tag(told.services, WireType.LengthDelimited).fork();
    for (const name of [...source.services()].sort()) {
      writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(name).join();
    }
    return writer.join().finish();
  }
  const file = question === undefined ? undefined : findFile(question, source);
  if (file !== undefined) {
    const inside = writer.tag(told.fileDescriptors, WireType.LengthDelimited).fork();
    inside.tag(1, WireType.LengthDelimited).bytes(file);
    return writer.join().finish();
  }
  const [code, words] =
    question === undefined
      ? [status.UNIMPLEMENTED, "only services, files and symbols are told, no extensions"]
      : [status.NOT_FOUND, `there is no ${question.text.slice(0, 200)}`];
  writer.tag(told.error, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(code).tag(2, WireType.LengthDelimited).string(words);
  return writer.join().finish();
}

interface Question {
  readonly kind: number;
  readonly text: string;
}

function readQuestion(request: Buffer): Question | undefined {
  const kinds: readonly number[] = Object.values(asked);
  const cursor = new FieldCursor(request);
  while (cursor.next()) {
    if (kinds.includes(cursor.number)) {
      return { kind: cursor.number, text: request.toString("utf8", cursor.from, cursor.end) };
    }
  }
  return undefined;
}

function findFile({ kind, text }: Question, source: ReflectionSource): Uint8Array | undefined {
  const files = source.files();
  return kind === asked.fileByFilename ? files.byName(text) : files.bySymbol(text);
}
