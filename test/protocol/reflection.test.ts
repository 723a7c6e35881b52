/**
 * gRPC's server reflection, as a tool uses it: which services there are, and everything that describes them.
 */
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { protoFiles } from "../../src/cli/envoy-api-file.ts";
import { frameMessage } from "../../src/grpc/message-frames.ts";
import { status } from "../../src/grpc/status.ts";
import { systemClock } from "../../src/support/clock.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import { RawClient } from "../stages/grpc/raw-grpc.ts";

let server: AdsServer;
let client: RawClient;

beforeEach(async () => {
  server = new AdsServer({
    clock: systemClock,
    identifier: "test",
    protoFiles,
    earlier: () => [],
    emit: () => undefined,
  });
  client = new RawClient(await server.listen("127.0.0.1:0"));
});

afterEach(async () => {
  client[Symbol.dispose]();
  await server.close();
});

/** The fields with a length of a message, by number. */
function fieldsOf(bytes: Uint8Array): readonly (readonly [number, Uint8Array])[] {
  const reader = new BinaryReader(bytes);
  const fields: (readonly [number, Uint8Array])[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) fields.push([number, reader.bytes()]);
    else reader.skip(wireType, number);
  }
  return fields;
}

/** Asks on one stream; the fields of each answer. */
async function ask(questions: readonly (readonly [field: number, text: string])[], version = "v1") {
  const call = client.call(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
  for (const [field, text] of questions) {
    call.stream.write(frameMessage(new BinaryWriter().tag(field, WireType.LengthDelimited).string(text).finish()));
  }
  call.stream.end();
  expect(await call.ended()).toBe(status.OK);
  return call.messages.map((message) => fieldsOf(message));
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

async function services(version: string): Promise<readonly string[]> {
  const [answer = []] = await ask([[7, "*"]], version);
  const list = answer.find(([number]) => number === 6)?.[1] ?? new Uint8Array();
  return fieldsOf(list).map(([, service]) => text(fieldsOf(service)[0]?.[1] ?? new Uint8Array()));
}

test.each(["v1", "v1alpha"])("%s lists the services of the server", async (version) => {
  const names = await services(version);
  expect(names).toContain("envoy.service.discovery.v3.AggregatedDiscoveryService");
  expect(names).toContain("envoy.service.endpoint.v3.EndpointDiscoveryService");
  expect(names).toContain("grpc.health.v1.Health");
});

test("a tool can load every service with all that its files import", async () => {
  const files = new Map<string, FileDescriptorProto>();
  const add = async (questions: readonly (readonly [number, string])[]): Promise<void> => {
    const next: (readonly [number, string])[] = [];
    const answers = await ask(questions);
    expect(answers).toHaveLength(questions.length);
    for (const answer of answers) {
      const found = answer.find(([number]) => number === 4)?.[1];
      expect(found, answer.map(([, each]) => text(each)).join()).toBeDefined();
      for (const [, bytes] of fieldsOf(found ?? new Uint8Array())) {
        const file = fromBinary(FileDescriptorProtoSchema, bytes);
        files.set(file.name, file);
        next.push(...file.dependency.map((name) => [3, name] as const));
      }
    }
    const missing = new Map(next.filter(([, name]) => !files.has(name)).map((each) => [each[1], each]));
    if (missing.size > 0) await add([...missing.values()]);
  };
  const names = (await services("v1")).filter((name) => !name.startsWith("grpc.reflection."));
  await add(names.map((name) => [4, name]));
  const file: FileDescriptorProto[] = [];
  const addAfterImports = (each: FileDescriptorProto | undefined): void => {
    if (each === undefined || file.includes(each)) return;
    for (const name of each.dependency) addAfterImports(files.get(name));
    file.push(each);
  };
  for (const each of files.values()) addAfterImports(each);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
  for (const name of names) expect(registry.getService(name)?.methods.length, name).toBeGreaterThan(0);
});

test("a method or a message within a message is found in its file", async () => {
  const asked = ["grpc.health.v1.Health.Check", "envoy.config.cluster.v3.Cluster.EdsClusterConfig"];
  const answers = await ask(asked.map((symbol) => [4, symbol] as const));
  expect(answers.map((answer) => answer.some(([number]) => number === 4))).toEqual([true, true]);
});

test("what is not there is said not to be, on a stream that goes on", async () => {
  const answers = await ask([
    [4, "nobody.Knows"],
    [3, "no/such.proto"],
    [5, "an extension"],
    [4, "grpc.health.v1.Health"],
  ]);
  expect(answers.map((answer) => answer.find(([number]) => number === 7) !== undefined)).toEqual([
    true,
    true,
    true,
    false,
  ]);
});
