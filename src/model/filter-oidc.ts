/**
 * `oidc`: people are sent to a login, and come back with a session.
 *
 * Envoy keeps no sessions: what it has to remember is in cookies of the browser, encrypted and signed with a key that is
 * made of the client's secret.
 */
import * as z from "zod";
import { contentHash } from "../support/hash.ts";
import { buildValueMatches } from "./build-match.ts";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import type { ValueMatch } from "./intent-match.ts";
import { valueMatch } from "./schema-match.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** Where people log in, and how they come back. */
export interface Oidc {
  readonly authorizationEndpoint: string;
  readonly token: { readonly uri: string; readonly service: string; readonly subset?: string };
  readonly endSessionEndpoint?: string;
  readonly clientId: string;
  /** The name of a secret. */
  readonly clientSecret: string;
  /** With `openid`. */
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  /** Where the login sends people back to: an address, or a path on the host that they asked for. */
  readonly redirectUrl: string;
  readonly callbackPath: string;
  readonly logoutPath: string;
  readonly cookies: CookieNames;
  readonly cookieDomain?: string;
  readonly sameSite?: SameSite;
  /** Whether backends get the token as `authorization: Bearer`. */
  readonly forwardAccessToken: boolean;
  /** Whether an expired token is renewed without a login. */
  readonly refreshToken: boolean;
  readonly defaultTokenTtlMs?: number;
  readonly defaultRefreshTokenTtlMs?: number;
  /** Requests with one of these headers are answered 401 instead. */
  readonly denyRedirect: readonly ValueMatch[];
}

/** In Envoy's words. */
export interface CookieNames {
  readonly bearerToken: string;
  readonly idToken: string;
  readonly refreshToken: string;
  readonly oauthHmac: string;
  readonly oauthExpires: string;
  readonly oauthNonce: string;
  readonly codeVerifier: string;
}

const sameSites = ["Strict", "Lax", "None"] as const;

export type SameSite = (typeof sameSites)[number];

const defaults = { redirectUrl: "/oauth2/callback", logoutPath: "/logout" } as const;

/** Digits of the suffix of cookies; they tell a handful of clients on one host apart. */
const SUFFIX_DIGITS = 8;

const provider = block({
  authorizationEndpoint: scalar("httpUri").describe("The address that people are sent to, to log in."),
  tokenEndpoint: scalar("httpUri").describe("The address that Envoy exchanges the code of a login at."),
  endSessionEndpoint: scalar("httpUri").optional().describe("The address that people are sent to after logging out."),
  service: name.describe("The service that is asked for `tokenEndpoint`."),
  subset: name.optional().describe("One subset of the service."),
}).meta({
  description: "Who people log in with: two addresses, and the service behind the second.",
  examples: [
    {
      authorizationEndpoint: "https://login.example.com/authorize",
      tokenEndpoint: "https://login.example.com/token",
      service: "login",
    },
  ],
});

const schema = block({
  provider,
  clientID: scalar("text").describe("As whom the provider knows this application."),
  clientSecret: name.describe("The secret with `clientSecret`, which proves that."),
  scopes: z.array(scalar("text")).min(1).optional().describe("What is asked for beside `openid`."),
  resources: z
    .array(scalar("text"))
    .min(1)
    .optional()
    .describe("What the token shall be for, as the provider calls it."),
  redirectURL: z
    .union([scalar("urlPath"), scalar("httpUri")])
    .optional()
    .describe("Where people come back to, as the provider knows it: an address, or a path on the host asked for."),
  logoutPath: scalar("urlPath").optional().describe("Whoever asks for it is logged out; /logout when absent."),
  cookieNames: block({
    accessToken: scalar("headerName").optional().describe("Made from the client when absent."),
    idToken: scalar("headerName").optional().describe("Made from the client when absent."),
  })
    .optional()
    .meta({ description: "How the cookies with tokens are called.", examples: [{ idToken: "session" }] }),
  cookieDomain: scalar("hostname")
    .optional()
    .describe("All hosts below it share the session; the host asked for when absent."),
  cookieConfig: block({
    sameSite: z.enum(sameSites).optional().describe("Whether other sites' pages bring cookies along."),
  })
    .optional()
    .meta({ description: "What browsers are told of the cookies.", examples: [{ sameSite: "Lax" }] }),
  forwardAccessToken: z
    .boolean()
    .optional()
    .meta({ description: "Whether backends get the token after `Bearer`; false when absent." }),
  refreshToken: z
    .boolean()
    .optional()
    .meta({ description: "Renews an expired token without a login if it can; true when absent." }),
  defaultTokenTTL: scalar("wholeSeconds")
    .optional()
    .describe("How long a token is good for when the provider does not say."),
  defaultRefreshTokenTTL: scalar("wholeSeconds")
    .optional()
    .describe("The same of the token that renews it; 604800s when absent."),
  denyRedirect: block({
    headers: z.record(scalar("headerName"), valueMatch).describe("Requests with one of these."),
  })
    .optional()
    .meta({
      description: "Answers 401 instead of sending to the login: for requests of scripts.",
      examples: [{ headers: { "x-requested-with": "XMLHttpRequest" } }],
    }),
})
  .superRefine(({ redirectURL, logoutPath, cookieDomain }, context) => {
    if (redirectURL?.includes("?") === true) {
      const hint = "providers compare the address letter by letter, and add their own query";
      refuse(context, { code: "invalid-value", message: "`redirectURL` has a query", hint, path: ["redirectURL"] });
    }
    const callback = pathOf(redirectURL ?? defaults.redirectUrl);
    if (callback === (logoutPath ?? defaults.logoutPath)) {
      const message = `people would be logged out where they come back to, at ${callback}`;
      refuse(context, { code: "invalid-value", message, hint: "choose another path", path: ["logoutPath"] });
    }
    if (cookieDomain?.includes("*") === true) {
      const hint = "write example.com for all hosts below it";
      refuse(context, { code: "invalid-value", message: "`cookieDomain` has a `*`", hint, path: ["cookieDomain"] });
    }
  })
  .meta({
    description: "People are sent to a login, and come back with a session.",
    examples: [
      {
        provider: {
          authorizationEndpoint: "https://login.example.com/authorize",
          tokenEndpoint: "https://login.example.com/token",
          service: "login",
        },
        clientID: "shop",
        clientSecret: "shop-login",
      },
    ],
  });

type Value = z.infer<typeof schema>;

/** The resource with the key that cookies are signed with; `|` is in no name that people give. */
export function cookieKeyName(secret: string): string {
  return `${secret}|cookies`;
}

export const oidc = filterPart({
  schema,
  build: (value): Oidc => {
    const { provider: at, clientSecret, resources, cookieDomain, cookieConfig, denyRedirect } = value;
    const redirectUrl = value.redirectURL ?? defaults.redirectUrl;
    return {
      authorizationEndpoint: at.authorizationEndpoint,
      token: {
        uri: at.tokenEndpoint,
        service: at.service,
        ...(at.subset === undefined ? {} : { subset: at.subset }),
      },
      ...(at.endSessionEndpoint === undefined ? {} : { endSessionEndpoint: at.endSessionEndpoint }),
      clientId: value.clientID,
      clientSecret,
      scopes: scopesOf(value),
      resources: resources ?? [],
      redirectUrl,
      callbackPath: pathOf(redirectUrl),
      logoutPath: value.logoutPath ?? defaults.logoutPath,
      cookies: cookieNames(value),
      ...(cookieDomain === undefined ? {} : { cookieDomain }),
      ...(cookieConfig?.sameSite === undefined ? {} : { sameSite: cookieConfig.sameSite }),
      forwardAccessToken: value.forwardAccessToken ?? false,
      refreshToken: value.refreshToken ?? true,
      ...(value.defaultTokenTTL === undefined ? {} : { defaultTokenTtlMs: durationMs(value.defaultTokenTTL) }),
      ...(value.defaultRefreshTokenTTL === undefined
        ? {}
        : { defaultRefreshTokenTtlMs: durationMs(value.defaultRefreshTokenTTL) }),
      denyRedirect: buildValueMatches(denyRedirect?.headers ?? {}, (header) => header.toLowerCase()),
    };
  },
  names: [
    { section: "services", at: ["provider"] },
    { section: "secrets", at: ["clientSecret"], secretPart: "clientSecret" },
  ],
  services: ({ token }) => [token.service],
  secrets: ({ clientSecret }) => [clientSecret],
});

function scopesOf({ scopes = [] }: Value): readonly string[] {
  return ["openid", ...scopes.filter((scope) => scope !== "openid")];
}

/** The same for all that ask the same provider as the same client for the same: they share the session. */
function cookieNames(value: Value): CookieNames {
  const { clientID, clientSecret, provider: at, cookieNames: written } = value;
  const parts = [at.authorizationEndpoint, clientID, clientSecret, ...scopesOf(value)];
  const suffix = contentHash(parts).slice(0, SUFFIX_DIGITS);
  return {
    bearerToken: written?.accessToken ?? `AccessToken-${suffix}`,
    idToken: written?.idToken ?? `IdToken-${suffix}`,
    refreshToken: `RefreshToken-${suffix}`,
    oauthHmac: `OauthHMAC-${suffix}`,
    oauthExpires: `OauthExpires-${suffix}`,
    oauthNonce: `OauthNonce-${suffix}`,
    codeVerifier: `CodeVerifier-${suffix}`,
  };
}

function pathOf(url: string): string {
  return url.startsWith("/") ? url : new URL(url).pathname;
}
