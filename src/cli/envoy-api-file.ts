/**
 * The Envoy API as it ships with Fairway: one compressed descriptor set beside the code.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { createEnvoyApi } from "../model/envoy-api.ts";
import { FairwayError } from "../support/fairway-error.ts";

/** Holds from `src/cli/` and from `dist/cli/` alike. */
const location = new URL("../../proto/envoy-api-1.40.0.binpb.gz", import.meta.url);

/** Reads and loads it; about 0.3 s of CPU. */
export function loadEnvoyApi(): EnvoyApi {
  try {
    return createEnvoyApi(gunzipSync(readFileSync(location)));
  } catch (cause) {
    throw new FairwayError(
      "API_SET_UNREADABLE",
      `the Envoy API at ${location.pathname} cannot be loaded; reinstall fairway`,
      {
        cause,
      },
    );
  }
}
