/**
 * Tokens of trusted issuers: envoy.filters.http.jwt_authn.
 *
 * Its providers stand in the chain, so there is one filter for each policy, and each checks every request that a route
 * sends through it.
 */
import type {
  JwtAuthenticationJson,
  JwtClaimToHeaderJson,
  JwtProviderJson,
  JwtRequirementJson,
} from "../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.d.ts";
import type { ClaimPath, Jwt, JwtProvider } from "../model/filter-jwt.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** Envoy's default for a set that is fetched once in a while. */
const refreshMsDefault = 600_000;
const timeoutMsDefault = 5_000;

/** Under this key of the filter's metadata are the claims, whoever the issuer is. */
export const claimsKey = "claims";

export const jwtFilter = httpFilter({
  name: "envoy.filters.http.jwt_authn",
  part: "jwt",
  chain: {
    one: "each",
    config: (jwt) => packAny("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", jwtAuthentication(jwt)),
  },
});

function jwtAuthentication({ providers, allowMissing }: Jwt): JwtAuthenticationJson {
  const requirements: readonly JwtRequirementJson[] = [
    ...providers.map(({ name }) => ({ providerName: name })),
    ...(allowMissing ? [{ allowMissing: {} }] : []),
  ];
  const [only, ...others] = requirements;
  const requires = only !== undefined && others.length === 0 ? only : { requiresAny: { requirements } };
  return {
    providers: Object.fromEntries(providers.map((provider) => [provider.name, jwtProvider(provider)])),
    rules: [{ match: { prefix: "/" }, requires }],
    // A browser asks beforehand without a token.
    bypassCorsPreflight: true,
  };
}

function jwtProvider(provider: JwtProvider): JwtProviderJson {
  const { issuer, audiences, jwks, claimsToHeaders, from, forward, clockSkewMs } = provider;
  return {
    issuer,
    ...(audiences.length === 0 ? {} : { audiences }),
    ...(jwks.kind === "local"
      ? { localJwks: { inlineString: jwks.json } }
      : jwks.kind === "remote"
        ? {
            remoteJwks: {
              httpUri: {
                uri: jwks.uri,
                cluster: clusterName(jwks.service, jwks.subset),
                timeout: duration(jwks.timeoutMs ?? timeoutMsDefault),
              },
              cacheDuration: duration(jwks.refreshMs ?? refreshMsDefault),
              // Fetched before the listener takes its first request, and never while one waits.
              asyncFetch: {},
            },
          }
        : {}),
    ...(forward ? { forward } : {}),
    ...(from === undefined
      ? {}
      : {
          fromHeaders: from.headers.map(({ name, prefix }) => ({
            name,
            ...(prefix === "" ? {} : { valuePrefix: prefix }),
          })),
          fromCookies: from.cookies,
          fromParams: from.queryParams,
        }),
    payloadInMetadata: claimsKey,
    // So that a scope can be told from the list of them.
    normalizePayloadInMetadata: { spaceDelimitedClaims: ["scope"] },
    ...(clockSkewMs === undefined ? {} : { clockSkewSeconds: clockSkewMs / 1_000 }),
    ...(claimsToHeaders.length === 0
      ? {}
      : { claimToHeaders: claimsToHeaders.map(({ header, claim }) => claimToHeader(header, claim)) }),
  };
}

function claimToHeader(headerName: string, claim: ClaimPath): JwtClaimToHeaderJson {
  // In a name dots lead into maps; one that has dots itself has to be given key by key.
  if (claim.every((key) => !key.includes("."))) return { headerName, claimName: claim.join(".") };
  return { headerName, claimPath: claim.map((key) => ({ key })) };
}
