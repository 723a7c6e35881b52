/**
 * Keys of clients: envoy.filters.http.api_key_auth.
 */
import type {
  ApiKeyAuthJson,
  ApiKeyAuthPerRouteJson,
} from "../gen/envoy/extensions/filters/http/api_key_auth/v3/api_key_auth_pb.d.ts";
import type { ApiKey } from "../model/filter-api-key.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const apiKeyAuth = "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth";

export const apiKeyFilter = httpFilter({
  name: "envoy.filters.http.api_key_auth",
  part: "apiKey",
  chain: { one: "for all", config: packAny(apiKeyAuth, {} satisfies ApiKeyAuthJson) },
  route: (settings) => packAny(`${apiKeyAuth}PerRoute`, perRoute(settings)),
});

function perRoute({ credentials = [], from, forwardClientHeader, forward }: ApiKey): ApiKeyAuthPerRouteJson {
  return {
    credentials: credentials.map(({ name, secret }) => ({ key: secret, client: name })),
    keySources: [
      ...from.headers.map((header) => ({ header })),
      ...from.queryParams.map((query) => ({ query })),
      ...from.cookies.map((cookie) => ({ cookie })),
    ],
    forwarding: {
      ...(forwardClientHeader === undefined ? {} : { header: forwardClientHeader }),
      ...(forward ? {} : { hideCredentials: true }),
    },
  };
}
