/**
 * Logins: envoy.filters.http.oauth2.
 *
 * Its provider and client stand in the chain, so there is one filter for each policy. It comes before that for tokens,
 * which can then read what this one forwards.
 */
import type {
  CookieConfigJson,
  CookieConfigsJson,
  OAuth2ConfigJson,
} from "../gen/envoy/extensions/filters/http/oauth2/v3/oauth_pb.d.ts";
import type { Oidc } from "../model/filter-oidc.ts";
import { cookieKeyName } from "../model/filter-oidc.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";
import { translateHeader } from "./route-match.ts";
import { secretFromAds } from "./secret.ts";

/** Somebody waits for the page meanwhile. */
const tokenTimeoutMs = 10_000;

const sameSites = { Strict: "STRICT", Lax: "LAX", None: "NONE" } as const;

export const oidcFilter = httpFilter({
  name: "envoy.filters.http.oauth2",
  part: "oidc",
  chain: {
    one: "each",
    config: (oidc) => packAny("envoy.extensions.filters.http.oauth2.v3.OAuth2", { config: oauth2(oidc) }),
  },
});

function oauth2(oidc: Oidc): OAuth2ConfigJson {
  const { token, endSessionEndpoint, resources, defaultTokenTtlMs, defaultRefreshTokenTtlMs, denyRedirect } = oidc;
  return {
    tokenEndpoint: {
      uri: token.uri,
      cluster: clusterName(token.service, token.subset),
      timeout: duration(tokenTimeoutMs),
    },
    authorizationEndpoint: oidc.authorizationEndpoint,
    ...(endSessionEndpoint === undefined ? {} : { endSessionEndpoint }),
    credentials: {
      clientId: oidc.clientId,
      tokenSecret: secretFromAds(oidc.clientSecret),
      hmacSecret: secretFromAds(cookieKeyName(oidc.clientSecret)),
      cookieNames: oidc.cookies,
      ...(oidc.cookieDomain === undefined ? {} : { cookieDomain: oidc.cookieDomain }),
    },
    redirectUri: redirectUri(oidc.redirectUrl),
    redirectPathMatcher: { path: { exact: oidc.callbackPath } },
    signoutPath: { path: { exact: oidc.logoutPath } },
    ...(oidc.forwardAccessToken ? { forwardBearerToken: true } : {}),
    authScopes: oidc.scopes,
    ...(resources.length === 0 ? {} : { resources }),
    useRefreshToken: oidc.refreshToken,
    ...(defaultTokenTtlMs === undefined ? {} : { defaultExpiresIn: duration(defaultTokenTtlMs) }),
    ...(defaultRefreshTokenTtlMs === undefined
      ? {}
      : { defaultRefreshTokenExpiresIn: duration(defaultRefreshTokenTtlMs) }),
    ...(denyRedirect.length === 0 ? {} : { denyRedirectMatcher: denyRedirect.map(translateHeader) }),
    ...(oidc.sameSite === undefined ? {} : { cookieConfigs: cookieConfigs({ sameSite: sameSites[oidc.sameSite] }) }),
  };
}

function cookieConfigs(config: CookieConfigJson): CookieConfigsJson {
  return {
    bearerTokenCookieConfig: config,
    oauthHmacCookieConfig: config,
    oauthExpiresCookieConfig: config,
    idTokenCookieConfig: config,
    refreshTokenCookieConfig: config,
    oauthNonceCookieConfig: config,
    codeVerifierCookieConfig: config,
  };
}

/** Envoy reads it as a format; a `%` of an address stays one. */
function redirectUri(url: string): string {
  const text = url.replaceAll("%", "%%");
  return url.startsWith("/") ? `%REQ(x-forwarded-proto)%://%REQ(:authority)%${text}` : text;
}
