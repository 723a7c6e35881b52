/**
 * Whether a file is a module that Envoy could run, by its form and what it exports; nothing of it is compiled or run.
 *
 * The interface between Envoy and modules is Proxy-Wasm (https://github.com/proxy-wasm/spec): a module says which version
 * it speaks by the name of an export. The form: https://webassembly.github.io/spec/core/binary/modules.html
 */

/** Nothing when it is one, or what is wrong: completes "`file` …". */
export type WasmProblem = { readonly message: string; readonly hint: string } | undefined;

/** Those that Envoy 1.36 and 1.40 know. */
const versions = ["proxy_abi_version_0_1_0", "proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1"] as const;

/** `\0asm`, and version 1. */
const head = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00] as const;

const EXPORT_SECTION = 7;

export function examineWasm(bytes: Uint8Array): WasmProblem {
  if (!head.every((byte, index) => bytes[index] === byte)) {
    const hint = "a module is binary and begins with \\0asm; text (.wat) is assembled first";
    return { message: "is no WebAssembly", hint };
  }
  const exported = exportsOf(bytes);
  if (exported === undefined) return { message: "is damaged WebAssembly", hint: "copy it once more" };
  if (versions.some((version) => exported.has(version))) return undefined;
  const hint = `it exports none of ${versions.join(", ")}; build it with an SDK of Proxy-Wasm`;
  return { message: "is no module for Envoy", hint };
}

/** The names of what a module exports; undefined when its sections do not add up. */
function exportsOf(bytes: Uint8Array): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  let at: number = head.length;
  while (at < bytes.length) {
    const id = bytes[at];
    const size = readCount(bytes, at + 1);
    if (size === undefined || size.end + size.value > bytes.length) return undefined;
    const section = bytes.subarray(size.end, size.end + size.value);
    if (id === EXPORT_SECTION && !readNames(section, names)) return undefined;
    at = size.end + size.value;
  }
  return names;
}

/** Adds the names of an export section; false when it is damaged. */
function readNames(section: Uint8Array, names: Set<string>): boolean {
  const count = readCount(section, 0);
  let at = count?.end ?? 0;
  for (let left = count?.value ?? 1; left > 0; left -= 1) {
    const length = readCount(section, at);
    if (length === undefined || length.end + length.value > section.length) return false;
    names.add(new TextDecoder().decode(section.subarray(length.end, length.end + length.value)));
    // Behind the name one byte says what it is, and a number which one.
    const index = readCount(section, length.end + length.value + 1);
    if (index === undefined) return false;
    at = index.end;
  }
  return true;
}

/** A number of 32 bits in LEB128, and where it ends. */
function readCount(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  return undefined;
}
