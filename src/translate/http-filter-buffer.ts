/**
 * Requests that are held until they are whole, and refused when they are too large: envoy.filters.http.buffer.
 */
import type { BufferJson, BufferPerRouteJson } from "../gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.d.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const messages = "envoy.extensions.filters.http.buffer.v3";

export const bufferFilter = httpFilter({
  name: "envoy.filters.http.buffer",
  part: "requestLimits",
  // Envoy insists on a size; each route has its own.
  chain: { one: "for all", config: packAny(`${messages}.Buffer`, { maxRequestBytes: 1 } satisfies BufferJson) },
  route: ({ maxRequestBytes }) =>
    packAny(`${messages}.BufferPerRoute`, { buffer: { maxRequestBytes } } satisfies BufferPerRouteJson),
});
