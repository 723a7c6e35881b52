/**
 * Private types beside the Envoy API: what may come along, what may not, and that their constraints hold.
 *
 * `private-types/widget.binpb.gz` is what buf made of the `.proto` beside it.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { createEnlargedApi } from "../../../src/model/envoy-api.ts";
import type { EnvoyApi } from "../../../src/model/envoy-api.ts";
import { parseIntent } from "../../../src/model/parse-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { documentOf, summarize } from "./parse-text.ts";

const read = (path: string) => gunzipSync(readFileSync(new URL(path, import.meta.url)));
const pinned = read("../../../proto/envoy-api-1.40.0.binpb.gz");
const widget = read("private-types/widget.binpb.gz");

/** A file as a compiler would describe it. */
function file(name: string, rest: Partial<Pick<FileDescriptorProto, "dependency">>, ...types: readonly object[]) {
  return create(FileDescriptorProtoSchema, {
    name,
    syntax: "proto3",
    package: "acme",
    ...rest,
    messageType: [...types],
  });
}

/** A message with one field of type string. */
function message(name: string, field = "text", number = 1) {
  return { name, field: [{ name: field, number, type: 9, label: 1, jsonName: field }] };
}

function setOf(...files: readonly FileDescriptorProto[]): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files] }));
}

function enlarged(...sets: readonly Uint8Array[]): EnvoyApi {
  const api = createEnlargedApi(
    pinned,
    sets.map((bytes, index) => ({ name: `set${index}`, bytes })),
  );
  if (!api.ok) throw new Error(api.error.join("\n"));
  return api.value;
}

function problemsOf(...sets: readonly Uint8Array[]): readonly string[] {
  const api = createEnlargedApi(
    pinned,
    sets.map((bytes, index) => ({ name: `set${index}`, bytes })),
  );
  return api.ok ? [] : api.error;
}

const known = (name: string) => {
  const found = envoyApi.registry.getFile(name)?.proto;
  if (found === undefined) throw new Error(`the API has no ${name}`);
  return found;
};

describe("a type of a descriptor set", () => {
  const config = (...lines: readonly string[]) =>
    [
      "resources:",
      '  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
      "    name: widget",
      "    typed_config:",
      '      "@type": type.googleapis.com/acme.v1.Widget',
      ...lines.map((line) => `      ${line}`),
    ].join("\n");
  const api = enlarged(widget);
  const check = (text: string, by = api) =>
    parseIntent({ documents: [documentOf("fairway.yaml", text)], problems: [], api: by });

  test("may be used inside an Any, and in no other API", () => {
    const text = config("name: knob", "period: 1s", "parts: [{ text: a }]");
    expect(check(text).diagnostics).toEqual([]);
    expect(summarize(check(text, envoyApi).diagnostics)).toEqual(["unknown-envoy-type 5:16"]);
  });

  test("is held to its own constraints, at the line that is wrong", () => {
    const text = config(
      'name: ""',
      "period: 0s",
      "size: 15",
      "parts:",
      "  - flag: false",
      "  - {}",
      "next:",
      '  "@type": type.googleapis.com/acme.v1.Widget',
      "  name: a-long-name",
      "  period: 1s",
      "  parts: [{ flag: true }]",
    );
    const { diagnostics } = check(text);
    expect(diagnostics.map(({ at, message: told }) => `${at.line}: ${told}`)).toEqual([
      "6: `name` must not be empty",
      "7: `period` must be greater than 0s, but is 0s",
      "8: `size` must be less than 10 or at least 20, but is 15",
      "10: `flag` must be true, but is false",
      "11: item 2 of the list needs one of text, flag",
      "14: `name` must have at least 1 character and at most 8 characters, but has 11",
    ]);
  });

  test("has patterns in the syntax of RE2", () => {
    const { diagnostics } = check(config("name: knob", "period: 1s", 'parts: [{ text: abc }, { text: "123" }]'));
    expect(diagnostics.map(({ message: told }) => told)).toEqual([
      "`text` must match the regular expression ^[[:alpha:]]+$",
    ]);
  });
});

describe("what comes along in a descriptor set", () => {
  test("is left out when the API has it: Envoy's files, the language's, and the same set again", () => {
    const address = known("envoy/config/core/v3/address.proto");
    const language = file("google/protobuf/any.proto", {}, message("Newer"));
    const own = file("acme.proto", { dependency: [address.name] }, message("Thing"));
    const api = enlarged(setOf(own, address, language), setOf(own));
    expect(api.registry.getMessage("acme.Thing")?.fields.map(({ name }) => name)).toEqual(["text"]);
    expect(api.registry.getMessage("acme.Newer")).toBeUndefined();
    expect(api.registry.getFile(address.name)?.messages.length).toBe(address.messageType.length);
  });

  test("may be of an older Envoy API, but not of one that knows more", () => {
    const address = known("envoy/config/core/v3/address.proto");
    const { name, package: scope, dependency } = address;
    const fileOf = (...messageType: readonly object[]) =>
      setOf(create(FileDescriptorProtoSchema, { name, package: scope, dependency, messageType: [...messageType] }));
    expect(problemsOf(fileOf(...address.messageType.slice(0, 2)))).toEqual([]);
    expect(problemsOf(fileOf(message("Pipe", "flow", 77)))).toEqual([
      "set0: envoy.config.core.v3.Pipe has the field flow = 77 (scalar 9), which it has not here; compile against the same envoy/config/core/v3/address.proto",
    ]);
  });
});

describe("a descriptor set is refused", () => {
  test.each<readonly [what: string, sets: readonly Uint8Array[], problem: RegExp]>([
    ["that is text", [Buffer.from('syntax = "proto3";\n')], /^set0: this is no descriptor set; make it with `buf/],
    ["that is empty", [new Uint8Array()], /^set0: this is no descriptor set/],
    ["that is cut off", [widget.subarray(0, 1_000)], /^set0: this is no descriptor set/],
    [
      "that lacks what it imports",
      [setOf(file("a.proto", { dependency: ["gone.proto"] }, message("A")))],
      /^a\.proto imports gone\.proto, which is neither in the Envoy API nor in a set; make it with .*--include_imports/,
    ],
    [
      "that defines a type in another file again",
      [setOf(file("a.proto", {}, message("A"))), setOf(file("b.proto", {}, message("A")))],
      /^set1: acme\.A of b\.proto is defined in a\.proto already/,
    ],
    [
      "that defines a type differently",
      [setOf(file("a.proto", {}, message("A"))), setOf(file("a.proto", {}, message("A", "other")))],
      /^set1: acme\.A has the field other = 1 \(scalar 9\), which it has not here/,
    ],
    [
      "whose fields have types that are nowhere",
      [
        setOf(
          file("a.proto", {}, { name: "A", field: [{ name: "b", number: 1, type: 11, label: 1, typeName: ".B" }] }),
        ),
      ],
      /./,
    ],
  ])("%s", (_, sets, problem) => {
    expect(problemsOf(...sets)).toEqual([expect.stringMatching(problem)]);
  });
});
