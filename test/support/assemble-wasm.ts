/**
 * From WebAssembly text to a module, for the examples and the tests.
 */
import loadWabt from "wabt";

export async function assembleWasm(text: string): Promise<Uint8Array> {
  const { parseWat } = await loadWabt();
  const module = parseWat("module.wat", text);
  try {
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}
