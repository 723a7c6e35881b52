/**
 * Where Envoy fetches what a resource refers to: the same ADS stream.
 *
 * On one stream Fairway decides the order in which clusters, endpoints and routes arrive; on streams of
 * their own they race each other.
 */
import type { ConfigSourceJson } from "../gen/envoy/config/core/v3/config_source_pb.d.ts";

/** The stream that the resource itself came on. */
export const fromAds: ConfigSourceJson = { ads: {}, resourceApiVersion: "V3" };
