/**
 * Names and passwords: envoy.filters.http.basic_auth.
 *
 * The header for the backend stands in the chain alone, so there is one filter for each policy; its list comes with the
 * routes, so that another password changes no listener.
 */
import type {
  BasicAuthJson,
  BasicAuthPerRouteJson,
} from "../gen/envoy/extensions/filters/http/basic_auth/v3/basic_auth_pb.d.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const basicAuth = "envoy.extensions.filters.http.basic_auth.v3.BasicAuth";

/** Envoy refuses an empty list; no password is known to have this hash, and every route brings its own list. */
const nobody = { inlineString: `nobody:{SHA}${"A".repeat(27)}=\n` };

export const basicAuthFilter = httpFilter({
  name: "envoy.filters.http.basic_auth",
  part: "basicAuth",
  chain: {
    one: "each",
    config: ({ forwardUsernameHeader }) =>
      packAny(basicAuth, {
        users: nobody,
        ...(forwardUsernameHeader === undefined ? {} : { forwardUsernameHeader }),
      } satisfies BasicAuthJson),
  },
  route: ({ list = "", realm }) =>
    packAny(`${basicAuth}PerRoute`, {
      users: { inlineString: list },
      ...(realm === undefined ? {} : { realm }),
    } satisfies BasicAuthPerRouteJson),
});
