/**
 * The Envoy API as it ships with Fairway: one compressed descriptor set beside the code.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { createEnlargedApi, createEnvoyApi } from "../model/envoy-api.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import { assert } from "../support/assert.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { Result } from "../support/result.ts";
import { ok } from "../support/result.ts";
import type { DescriptorFiles } from "../xds/descriptor-files.ts";
import { createDescriptorFiles, healthFile } from "../xds/descriptor-files.ts";

/** Holds from `src/cli/` and from `dist/cli/` alike. */
const location = new URL("../../proto/envoy-api-1.40.0.binpb.gz", import.meta.url);

/** Reads and loads it, with private types that were good when the command started; about 0.3 s of CPU. */
export function loadEnvoyApi(sets: readonly DescriptorSet[] = []): EnvoyApi {
  const loaded = loadEnlargedApi(sets);
  assert(loaded.ok, "the sets were tried when the command started");
  return loaded.value;
}

/** The files of its protos, for who asks this server what it can be asked; not loaded as an API, so in milliseconds. */
export function protoFiles(): DescriptorFiles {
  return createDescriptorFiles(gunzipSync(readFileSync(location)), [healthFile()]);
}

/** The same for sets that nobody has tried yet: a sentence for each thing that is wrong with them. */
export function loadEnlargedApi(sets: readonly DescriptorSet[]): Result<EnvoyApi, readonly string[]> {
  try {
    const pinned = gunzipSync(readFileSync(location));
    return sets.length === 0 ? ok(createEnvoyApi(pinned)) : createEnlargedApi(pinned, sets);
  } catch (cause) {
    throw new FairwayError(
      "API_SET_UNREADABLE",
      `the Envoy API at ${location.pathname} cannot be loaded; reinstall fairway`,
      { cause },
    );
  }
}
