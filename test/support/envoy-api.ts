/**
 * The Envoy API for tests: loaded once for each test file, since loading takes a quarter of a second.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { createEnvoyApi } from "../../src/model/envoy-api.ts";

export const envoyApi = createEnvoyApi(
  gunzipSync(readFileSync(new URL("../../proto/envoy-api-1.40.0.binpb.gz", import.meta.url))),
);
