/**
 * A module in WebAssembly: envoy.filters.http.wasm.
 *
 * Envoy reads its settings in the chain only, so that each policy has its own there.
 */
import type { DataSourceJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { WasmJson } from "../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.d.ts";
import type { VmConfigJson } from "../gen/envoy/extensions/wasm/v3/wasm_pb.d.ts";
import type { Wasm, WasmCode } from "../model/filter-wasm.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** A module of a few megabytes, from far away; meanwhile the listener waits. */
const timeoutMsDefault = 30_000;

export const wasmFilter = httpFilter({
  name: "envoy.filters.http.wasm",
  part: "wasm",
  chain: {
    one: "each",
    config: (wasm) => packAny("envoy.extensions.filters.http.wasm.v3.Wasm", wasmJson(wasm)),
  },
});

function wasmJson({ name, rootId, code, config, failOpen, runtime }: Wasm): WasmJson {
  return {
    config: {
      name,
      ...(rootId === "" ? {} : { rootId }),
      vmConfig: { runtime: `envoy.wasm.runtime.${runtime}`, code: codeJson(code) },
      ...(config === undefined ? {} : { configuration: packAny("google.protobuf.StringValue", { value: config }) }),
      // By default a module that has crashed once stays away until its listener changes.
      failurePolicy: failOpen ? "FAIL_OPEN" : "FAIL_RELOAD",
    },
  };
}

function codeJson(code: WasmCode): NonNullable<VmConfigJson["code"]> {
  if (code.kind === "http") {
    const { url, sha256, service, subset, timeoutMs = timeoutMsDefault } = code;
    const httpUri = { uri: url, cluster: clusterName(service, subset), timeout: duration(timeoutMs) };
    return { remote: { httpUri, sha256 } };
  }
  const local: DataSourceJson =
    code.kind === "inline" ? { inlineBytes: code.base64 } : code.kind === "nodeFile" ? { filename: code.path } : {};
  return { local };
}
