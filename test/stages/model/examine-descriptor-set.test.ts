/**
 * Descriptor sets of gRPC services: what Envoy could not use is told, and what it does not need is left out.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, SourceCodeInfoSchema } from "@bufbuild/protobuf/wkt";
import type { FileDescriptorSet } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { examineDescriptorSet } from "../../../src/model/examine-descriptor-set.ts";
import { createParseCache, parseIntent } from "../../../src/model/parse-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { documentOf } from "./parse-text.ts";

const shop = readFileSync(join(import.meta.dirname, "../../../examples/grpc-json/protos/shop.binpb"));
const orders = { services: ["shop.v1.Orders"], needsAnnotations: true };

/** The set after a change of its files. */
function changed(change: (set: FileDescriptorSet) => void): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, shop);
  change(set);
  return toBinary(FileDescriptorSetSchema, set);
}

function problems(bytes: Uint8Array, asked = orders): readonly string[] {
  const examined = examineDescriptorSet(bytes, asked);
  return examined.ok ? [] : examined.problems.map(({ message, hint }) => `${message}: ${hint}`);
}

describe("examineDescriptorSet", () => {
  it("leaves source positions out, and puts files behind what they import", () => {
    const bytes = changed((set) => {
      set.file.reverse();
      for (const file of set.file) {
        file.sourceCodeInfo = create(SourceCodeInfoSchema, { location: [{ leadingComments: "long" }] });
      }
    });
    const examined = examineDescriptorSet(bytes, orders);
    if (!examined.ok) throw new Error(JSON.stringify(examined));
    const { file } = fromBinary(FileDescriptorSetSchema, examined.bytes);
    expect(file.map(({ sourceCodeInfo }) => sourceCodeInfo)).toEqual(file.map(() => undefined));
    const names = file.map(({ name }) => name);
    for (const [index, { dependency }] of file.entries()) {
      for (const wanted of dependency) expect(names.slice(0, index)).toContain(wanted);
    }
    const again = examineDescriptorSet(shop, orders);
    expect(again.ok && again.bytes.length, "nothing else is lost").toBe(shop.length);
  });

  it("tells what is no set, what it lacks and what does not fit together", () => {
    expect(problems(new TextEncoder().encode("-----BEGIN"))[0]).toMatch(
      /^is no descriptor set: make it with `buf build/,
    );
    expect(problems(new Uint8Array())[0]).toMatch(/^is no descriptor set/);
    const partial = changed((set) => void (set.file = set.file.filter(({ name }) => name !== "google/api/http.proto")));
    expect(problems(partial)[0]).toMatch(
      /^lacks google\/api\/http.proto, which google\/api\/annotations.proto imports: make it with/,
    );
    const broken = changed((set) => {
      for (const file of set.file) file.messageType = file.messageType.filter(({ name }) => name !== "Order");
    });
    expect(problems(broken)[0]).toMatch(/^does not fit together: /);
  });

  it("tells services that are not there, and such that nobody could call", () => {
    const ask = (service: string) => problems(shop, { services: [service], needsAnnotations: true });
    expect(ask("shop.v1.Order")).toEqual(["has no service `shop.v1.Order`: did you mean `shop.v1.Orders`?"]);
    expect(ask("Orders")).toEqual(["has no service `Orders`: did you mean `shop.v1.Orders`?"]);
    expect(ask("bank.Accounts")).toEqual([
      "has no service `bank.Accounts`: its services: shop.v1.Orders, shop.v1.Reports",
    ]);
    expect(ask("shop.v1.Reports")).toEqual([
      "does not say how a method of `shop.v1.Reports` is called over HTTP: add `option (google.api.http)` to its methods, or write `autoMapping: true`",
    ]);
    expect(problems(shop, { services: ["shop.v1.Reports"], needsAnnotations: false })).toEqual([]);
  });
});

it("a service that the set lacks is told at its line, until the file has it", () => {
  const documents = [
    documentOf(
      "conf/a.yaml",
      `gateways: { g: { listeners: [{ name: a, port: 80 }] } }
policies:
  json:
    grpcJson:
      descriptorSet: shop.binpb
      services:
        - shop.v1.Orders
        - shop.v1.Refunds
`,
    ),
  ];
  const cache = createParseCache();
  const parse = (bytes: Uint8Array) => {
    const content = { files: [documentOf("conf/shop.binpb", bytes)], problems: [], environment: {}, nowMs: 0 };
    return parseIntent({ documents, problems: [], api: envoyApi, cache, content }).diagnostics.filter(
      ({ severity }) => severity === "error",
    );
  };
  expect(parse(shop)).toMatchObject([
    {
      code: "invalid-descriptor-set",
      message: "conf/shop.binpb has no service `shop.v1.Refunds`",
      at: { file: "conf/a.yaml", line: 8 },
    },
  ]);
  const both = changed((set) => {
    for (const file of set.file) {
      const [first] = file.service;
      if (first !== undefined) file.service.push({ ...first, name: "Refunds" });
    }
  });
  expect(parse(both)).toEqual([]);
});
