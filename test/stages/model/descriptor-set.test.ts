/**
 * The pinned descriptor set is what its Go module gives: remade and compared byte for byte where Go is installed,
 * compared with its recorded checksum everywhere.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { dumpDescriptorSet, listPackages } from "../../../scripts/remake-descriptor-set.mjs";

const proto = join(import.meta.dirname, "..", "..", "..", "proto");
const compressed = readFileSync(join(proto, "envoy-api-1.40.0.binpb.gz"));
const descriptorSet = gunzipSync(compressed);

/** True where a Go is installed that is new enough for the module. */
function hasGo(): boolean {
  const [, needed = ""] = /^go (1\.\d+)/m.exec(readFileSync(join(proto, "dump", "go.mod"), "utf8")) ?? [];
  const env = { ...process.env, GOTOOLCHAIN: "local" };
  const { stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8", env });
  const [, minor = "0"] = /^go1\.(\d+)/.exec(stdout ?? "") ?? [];
  return Number(minor) >= Number(needed.slice(2));
}

describe("the descriptor set of the Envoy API", () => {
  test("has the recorded checksum", () => {
    const recorded = readFileSync(join(proto, "envoy-api-1.40.0.binpb.sha256"), "utf8").trim();
    expect(createHash("sha256").update(descriptorSet).digest("hex")).toBe(recorded);
  });

  test("is compressed without a time, so that remaking it changes nothing", () => {
    expect(compressed.readUInt32LE(4)).toBe(0);
  });

  // Without Go the checksum above is all that can be said.
  test("is byte for byte what the pinned Go module gives, where there is Go", () => {
    if (!hasGo()) return;
    expect(listPackages()).toBe(readFileSync(join(proto, "dump", "packages", "packages.go"), "utf8"));
    expect(Buffer.compare(dumpDescriptorSet(), descriptorSet)).toBe(0);
  });
});
