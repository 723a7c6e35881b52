/**
 * A service that is asked about each request: envoy.filters.http.ext_authz.
 *
 * Most of its settings stand in the chain alone, so there is one filter for each policy.
 */
import type {
  AuthorizationResponseJson,
  ExtAuthzJson,
  HttpServiceJson,
} from "../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.d.ts";
import type { ListStringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";
import type { StatusCodeJson } from "../gen/envoy/type/v3/http_status_pb.d.ts";
import type { AuthServer, ErrorStatus, ExtAuth } from "../model/filter-ext-auth.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** Envoy's default. */
const timeoutMsDefault = 200;

export const extAuthFilter = httpFilter({
  name: "envoy.filters.http.ext_authz",
  part: "extAuth",
  chain: {
    one: "each",
    config: (extAuth) => packAny("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", extAuthz(extAuth)),
  },
});

function extAuthz(extAuth: ExtAuth): ExtAuthzJson {
  const { server, failOpen, statusOnError, headersToExtAuth, body } = extAuth;
  const timeout = duration(extAuth.timeoutMs ?? timeoutMsDefault);
  return {
    ...(server.kind === "grpc"
      ? {
          grpcService: {
            // The name of a subset's cluster is none that a server would take for a host.
            envoyGrpc: { clusterName: clusterName(server.service, server.subset), authority: server.service },
            timeout,
          },
        }
      : { httpService: httpService(server, timeout) }),
    transportApiVersion: "V3",
    ...(failOpen ? { failureModeAllow: true } : {}),
    statusOnError: { code: statusNames[statusOnError ?? 403] },
    ...(headersToExtAuth === undefined ? {} : { allowedHeaders: exactly(headersToExtAuth) }),
    ...(body === undefined
      ? {}
      : { withRequestBody: { maxRequestBytes: body.maxBytes, allowPartialMessage: body.allowPartial } }),
  };
}

function httpService(server: Extract<AuthServer, { readonly kind: "http" }>, timeout: string): HttpServiceJson {
  const { service, subset, pathPrefix, headersToBackend, headersToClient } = server;
  const response: AuthorizationResponseJson = {
    ...(headersToBackend.length === 0 ? {} : { allowedUpstreamHeaders: exactly(headersToBackend) }),
    ...(headersToClient.length === 0 ? {} : { allowedClientHeadersOnSuccess: exactly(headersToClient) }),
  };
  return {
    // Envoy asks the cluster, whatever the host.
    serverUri: { uri: `http://${service}`, cluster: clusterName(service, subset), timeout },
    ...(pathPrefix === undefined ? {} : { pathPrefix }),
    ...(Object.keys(response).length === 0 ? {} : { authorizationResponse: response }),
  };
}

function exactly(names: readonly string[]): ListStringMatcherJson {
  return { patterns: names.map((exact) => ({ exact, ignoreCase: true })) };
}

const statusNames: Readonly<Record<ErrorStatus, StatusCodeJson>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  429: "TooManyRequests",
  500: "InternalServerError",
  502: "BadGateway",
  503: "ServiceUnavailable",
  504: "GatewayTimeout",
};
