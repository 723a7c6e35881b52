/**
 * Assembles the modules of the examples, each from its WebAssembly text beside it: `npm run wasm`.
 *
 * What is made is checked in, because an example has to be whole; a test compares the two.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { assembleWasm } from "../test/support/assemble-wasm.ts";
import { progress, root } from "./project.mjs";

for (const path of globSync("examples/**/*.wat", { cwd: root })) {
  const bytes = await assembleWasm(readFileSync(`${root}/${path}`, "utf8"));
  const target = path.replace(/\.wat$/, ".wasm");
  writeFileSync(`${root}/${target}`, bytes);
  progress(`${target}: ${bytes.length} bytes`);
}
