/**
 * `grpcWeb`: browsers, which cannot speak gRPC, speak gRPC-Web, and Envoy makes gRPC of it.
 */
import { filterPart } from "./filter-part.ts";
import { block } from "./schema-scalars.ts";

/** There is nothing to set. */
export type GrpcWeb = Readonly<Record<string, never>>;

const schema = block({}).meta({
  description: "Requests in gRPC-Web, of browsers, become gRPC; other requests stay as they are.",
  examples: [{}],
});

export const grpcWeb = filterPart({ schema, build: (): GrpcWeb => ({}) });
