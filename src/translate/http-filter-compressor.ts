/**
 * Answers that are compressed: envoy.filters.http.compressor, one for each algorithm.
 *
 * Envoy reads the settings in the chain only, so that each policy has its own there.
 */
import type { CompressorJson } from "../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.d.ts";
import type { Compression, CompressionAlgorithm } from "../model/filter-compression.ts";
import type { HttpFilterKind } from "./http-filter.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const libraries: Readonly<Record<CompressionAlgorithm, string>> = {
  zstd: "envoy.extensions.compression.zstd.compressor.v3.Zstd",
  brotli: "envoy.extensions.compression.brotli.compressor.v3.Brotli",
  gzip: "envoy.extensions.compression.gzip.compressor.v3.Gzip",
};

/** In the order in which they stand in a chain. */
export const compressorFilters: readonly HttpFilterKind<"compression">[] = [
  compressorFilter("zstd"),
  compressorFilter("brotli"),
  compressorFilter("gzip"),
];

function compressorFilter(algorithm: CompressionAlgorithm): HttpFilterKind<"compression"> {
  return httpFilter({
    name: `envoy.filters.http.compressor.${algorithm}`,
    part: "compression",
    chain: {
      one: "each",
      config: (compression) =>
        compression.algorithms.includes(algorithm)
          ? packAny("envoy.extensions.filters.http.compressor.v3.Compressor", compressorJson(compression, algorithm))
          : undefined,
    },
  });
}

function compressorJson(
  { algorithms, contentTypes, minBytes }: Compression,
  algorithm: CompressionAlgorithm,
): CompressorJson {
  return {
    responseDirectionConfig: {
      commonConfig: {
        minContentLength: minBytes,
        ...(contentTypes === undefined
          ? {}
          : { contentTypeMatcher: contentTypes.map((exact) => ({ exact, ignoreCase: true })) }),
      },
    },
    compressorLibrary: { name: algorithm, typedConfig: packAny(libraries[algorithm], {}) },
    ...(algorithm === algorithms[0] ? { chooseFirst: true } : {}),
  };
}
