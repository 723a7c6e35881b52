/**
 * `compression`: answers are compressed for clients that say that they can read it.
 */
import * as z from "zod";
import { filterPart } from "./filter-part.ts";
import { block, refuse, scalar } from "./schema-scalars.ts";

/** Those that Envoy has. */
const algorithms = ["zstd", "brotli", "gzip"] as const;

export type CompressionAlgorithm = (typeof algorithms)[number];

/** Which answers are compressed, and how. */
export interface Compression {
  /** The first is taken when a client likes several equally. */
  readonly algorithms: readonly CompressionAlgorithm[];
  /** Envoy's own list of texts, JSON and so on when absent. */
  readonly contentTypes?: readonly string[];
  readonly minBytes: number;
}

/** Envoy's; what is smaller grows more often than not. */
const MIN_BYTES_DEFAULT = 30;
/** Whoever writes more wants no compression. */
const MIN_BYTES_MAX = 1_073_741_824;
const CONTENT_TYPES_MAX = 50;

const schema = block({
  algorithms: z
    .array(z.enum(algorithms))
    .min(1)
    .superRefine((written, context) => {
      const repeated = written.findIndex((word, index) => written.indexOf(word) !== index);
      if (repeated === -1) return;
      const message = `\`${written[repeated]}\` is there twice`;
      refuse(context, { code: "duplicate-name", message, hint: "keep one of them", path: [repeated] });
    })
    .meta({ description: "What Envoy offers; the first is taken when a client likes several equally." }),
  contentTypes: z
    .array(scalar("mediaType"))
    .min(1)
    .max(CONTENT_TYPES_MAX)
    .optional()
    .meta({ description: "Only answers of these types; Envoy's list of texts, JSON, XML and scripts when absent." }),
  minBytes: z
    .int()
    .min(1)
    .max(MIN_BYTES_MAX)
    .optional()
    .meta({ description: "Only answers that are at least as large, where that is known; 30 when absent." }),
}).meta({
  description: "Answers are compressed for clients that say that they can read it.",
  examples: [{ algorithms: ["brotli", "gzip"], minBytes: 1024 }],
});

export const compression = filterPart({
  schema,
  build: ({ algorithms: wanted, contentTypes, minBytes }): Compression => ({
    algorithms: wanted,
    ...(contentTypes === undefined ? {} : { contentTypes }),
    minBytes: minBytes ?? MIN_BYTES_DEFAULT,
  }),
});
