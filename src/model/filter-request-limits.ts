/**
 * `requestLimits`: how large a request may be.
 */
import * as z from "zod";
import { filterPart } from "./filter-part.ts";
import { block } from "./schema-scalars.ts";

/** A request whose body is larger is answered 413, and the backend never sees it. */
export interface RequestLimits {
  readonly maxRequestBytes: number;
}

/** Envoy counts in 32 bits. */
const BYTES_MAX = 4_294_967_295;

const schema = block({
  maxRequestBytes: z
    .int()
    .min(1)
    .max(BYTES_MAX)
    .meta({ description: "The largest body, in bytes; 1048576 is 1 MiB.", examples: [1_048_576] }),
}).meta({
  description: "How large a request may be; Envoy holds each one in memory until it is whole.",
  examples: [{ maxRequestBytes: 1_048_576 }],
});

export const requestLimits = filterPart({
  schema,
  build: ({ maxRequestBytes }): RequestLimits => ({ maxRequestBytes }),
});
