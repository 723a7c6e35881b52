/**
 * Descriptors of proto files, found by the name of the file or of something in it.
 *
 * A descriptor set is only cut into its files, and of each the names are read: nothing is decoded, so that the
 * whole Envoy API is ready in a few milliseconds.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { FieldCursor } from "./field-cursor.ts";

/** The descriptor of a file is a serialised `FileDescriptorProto`. */
export interface DescriptorFiles {
  byName(file: string): Uint8Array | undefined;
  /** The file that defines a message, enum or service, or what is inside one. */
  bySymbol(symbol: string): Uint8Array | undefined;
}

/** Fields of `FileDescriptorSet`, of `FileDescriptorProto`, and of what a file defines. */
const FILE = 1;
const fileFields = { name: 1, package: 2, messages: 4, enums: 5, services: 6 } as const;
const NAME = 1;

/** Indexes a serialised `FileDescriptorSet` and further files. */
export function createDescriptorFiles(set: Buffer, more: readonly Uint8Array[] = []): DescriptorFiles {
  const files = new Map<string, Uint8Array>();
  const symbols = new Map<string, Uint8Array>();
  const add = (file: Buffer): void => {
    const { name, defined } = readNames(file);
    files.set(name, file);
    for (const symbol of defined) symbols.set(symbol, file);
  };
  const cursor = new FieldCursor(set);
  while (cursor.next()) if (cursor.number === FILE) add(set.subarray(cursor.from, cursor.end));
  for (const file of more) add(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  return {
    byName: (file) => files.get(file),
    bySymbol(symbol) {
      for (let part = symbol; part !== ""; part = part.slice(0, Math.max(0, part.lastIndexOf(".")))) {
        const found = symbols.get(part);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

function readNames(file: Buffer): { readonly name: string; readonly defined: readonly string[] } {
  let name = "";
  let packageName = "";
  const simple: string[] = [];
  const cursor = new FieldCursor(file);
  while (cursor.next()) {
    if (cursor.number === fileFields.name) name = textAt(file, cursor);
    else if (cursor.number === fileFields.package) packageName = textAt(file, cursor);
    else if (cursor.number >= fileFields.messages && cursor.number <= fileFields.services) {
      const inside = cursor.inside();
      while (inside.next()) {
        if (inside.number !== NAME) continue;
        simple.push(textAt(file, inside));
        break;
      }
    }
  }
  return { name, defined: simple.map((each) => (packageName === "" ? each : `${packageName}.${each}`)) };
}

function textAt(bytes: Buffer, { from, end }: FieldCursor): string {
  return bytes.toString("utf8", from, end);
}

const { STRING, ENUM } = FieldDescriptorProto_Type;

/** The file of `grpc.health.v1`, which is not in the Envoy API. */
export function healthFile(): Uint8Array {
  const field = (name: string, type: FieldDescriptorProto_Type, typeName = "") => ({
    name,
    jsonName: name,
    number: 1,
    type,
    typeName,
    label: FieldDescriptorProto_Label.OPTIONAL,
  });
  const method = (name: string, serverStreaming: boolean) => ({
    name,
    inputType: ".grpc.health.v1.HealthCheckRequest",
    outputType: ".grpc.health.v1.HealthCheckResponse",
    serverStreaming,
  });
  const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
  const file = create(FileDescriptorProtoSchema, {
    name: "grpc/health/v1/health.proto",
    package: "grpc.health.v1",
    syntax: "proto3",
    messageType: [
      { name: "HealthCheckRequest", field: [field("service", STRING)] },
      {
        name: "HealthCheckResponse",
        field: [field("status", ENUM, ".grpc.health.v1.HealthCheckResponse.ServingStatus")],
        enumType: [{ name: "ServingStatus", value: statuses.map((name, number) => ({ name, number })) }],
      },
    ],
    service: [{ name: "Health", method: [method("Check", false), method("Watch", true)] }],
  });
  return toBinary(FileDescriptorProtoSchema, file);
}
