/**
 * Modules that are whole and cut, for Envoy and for others; and the module of the examples is what its text says.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { examineWasm } from "../../../src/model/examine-wasm.ts";
import { assembleWasm } from "../../support/assemble-wasm.ts";
import { examplesDir } from "../../support/examples.ts";

const messageOf = (bytes: Uint8Array) => examineWasm(bytes)?.message;

test("a module is one for Envoy when it exports a version of the interface", async () => {
  const withExport = (name: string) => assembleWasm(`(module (memory (export "memory") 1) (func (export "${name}")))`);
  expect(messageOf(await withExport("proxy_abi_version_0_2_1"))).toBeUndefined();
  expect(messageOf(await withExport("proxy_abi_version_0_9_9"))).toBe("is no module for Envoy");
  expect(messageOf(await assembleWasm("(module)"))).toBe("is no module for Envoy");
  expect(messageOf(await withExport("x".repeat(200)))).toBe("is no module for Envoy");
  expect(messageOf(new TextEncoder().encode("(module)"))).toBe("is no WebAssembly");
  expect(messageOf(new Uint8Array())).toBe("is no WebAssembly");
});

test("a module that was cut somewhere is never taken for a whole one", async () => {
  const whole = await assembleWasm('(module (func (export "proxy_abi_version_0_2_1") nop))');
  const told = Array.from({ length: whole.length }, (_, length) => messageOf(whole.subarray(0, length)));
  expect(told.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => "is no WebAssembly"));
  // Cut between two sections it is a module, but one without its exports or the code.
  expect(new Set(told.slice(8))).toEqual(new Set(["is damaged WebAssembly", "is no module for Envoy", undefined]));
  expect(told.filter((message) => message === undefined)).toHaveLength(1);
});

test.each(globSync("**/*.wat", { cwd: examplesDir }))("examples/%s is what its module is made of", async (path) => {
  const text = readFileSync(join(examplesDir, path), "utf8");
  const module = readFileSync(join(examplesDir, path.replace(/\.wat$/, ".wasm")));
  expect(Buffer.from(await assembleWasm(text)).equals(module), "`npm run wasm` assembles it anew").toBe(true);
});
