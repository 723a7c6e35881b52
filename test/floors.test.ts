/**
 * What the lock file must hold: versions at or above the floors that security advisories set, one Node for all, and
 * no host of a registry, so that the same file installs through any mirror.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: { readonly [name: string]: string };
}

const root = join(import.meta.dirname, "..");
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  readonly packages: { readonly [path: string]: Locked };
};

/** Every place where a package is installed, nested ones too: `[path, version]`. */
function installed(name: string): readonly (readonly [string, string])[] {
  return Object.entries(lock.packages)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([path, { version }]) => [path, version ?? "0.0.0"] as const);
}

function isAtLeast(version: string, floor: string): boolean {
  const parts = version.split(/[.-]/).map(Number);
  const least = floor.split(".").map(Number);
  const at = least.findIndex((number, index) => parts[index] !== number);
  return at === -1 || (parts[at] ?? 0) > (least[at] ?? 0);
}

describe("the locked packages", () => {
  test.each([
    ["node", "24.18.1"],
    ["@grpc/grpc-js", "1.14.5"],
    ["js-yaml", "4.1.1"],
    ["yaml", "2.8.3"],
    ["protobufjs", "7.5.8"],
  ])("have %s at %s or newer, wherever it is installed", (name, floor) => {
    const places = installed(name);
    expect(places).not.toEqual([]);
    expect(places.filter(([, version]) => !isAtLeast(version, floor))).toEqual([]);
  });

  test("have the code generator of protobuf-es in the version of its runtime", () => {
    expect(installed("@bufbuild/protoc-gen-es")[0]?.[1]).toBe(installed("@bufbuild/protobuf")[0]?.[1]);
  });

  test("name no registry host", () => {
    const withHost = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined);
    expect(withHost.map(([path]) => path)).toEqual([]);
  });

  // A package for another platform that the registry lacked when the file was written makes every `npm ci` fail.
  test("include what other platforms need", () => {
    const lacking = Object.entries(lock.packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {})
        .filter((name) => installed(name).length === 0)
        .map((name) => `${path} needs ${name}`),
    );
    expect(lacking).toEqual([]);
  });

  test("are asked for in exact versions", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      readonly dependencies: { readonly [name: string]: string };
      readonly devDependencies: { readonly [name: string]: string };
    };
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(ranges.filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range))).toEqual([]);
  });
});

describe("the comparison of versions", () => {
  test.each([
    ["1.14.5", "1.14.5", true],
    ["1.14.10", "1.14.5", true],
    ["1.15.0", "1.14.5", true],
    ["2.0.0", "1.14.5", true],
    ["1.14.4", "1.14.5", false],
    ["1.9.9", "1.14.5", false],
    ["0.99.99", "1.14.5", false],
  ])("%s at least %s: %s", (version, floor, verdict) => {
    expect(isAtLeast(version, floor)).toBe(verdict);
  });
});
