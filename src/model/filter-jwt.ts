/**
 * `jwt`: requests must carry a token of an issuer that is trusted, signed with one of its keys.
 */
import * as z from "zod";
import { resolveFile } from "./build-secret.ts";
import type { Place } from "./diagnostic.ts";
import { durationMs } from "./duration.ts";
import { examineJwks } from "./examine-jwks.ts";
import type { Outside, PartSite } from "./filter-part.ts";
import { filterPart } from "./filter-part.ts";
import type { Path, Problem } from "./position.ts";
import { placeOf } from "./position.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";
import { byName } from "./sort.ts";

/** A request must have a token that one of the providers has signed. */
export interface Jwt {
  /** Sorted by name. */
  readonly providers: readonly JwtProvider[];
  /** Whether a request without any token goes on; one with a bad token never does. */
  readonly allowMissing: boolean;
}

/** Who signs tokens, and where they are in a request. */
export interface JwtProvider {
  readonly name: string;
  readonly issuer: string;
  /** A token must be for one of them; for anybody when empty. */
  readonly audiences: readonly string[];
  readonly jwks: Jwks;
  readonly claimsToHeaders: readonly { readonly header: string; readonly claim: ClaimPath }[];
  /** Envoy's own places when absent. */
  readonly from?: TokenPlaces;
  /** Whether backends get the token too. */
  readonly forward: boolean;
  /** Whole seconds; Envoy's minute when absent. */
  readonly clockSkewMs?: number;
}

/** The keys of a claim and of the maps around it, outermost first; never empty. */
export type ClaimPath = readonly string[];

export type Jwks =
  | {
      readonly kind: "remote";
      readonly uri: string;
      readonly service: string;
      readonly subset?: string;
      readonly refreshMs?: number;
      readonly timeoutMs?: number;
    }
  | { readonly kind: "local"; readonly json: string }
  /** Not read yet. */
  | { readonly kind: "file"; readonly path: string; readonly at: Place };

export interface TokenPlaces {
  readonly headers: readonly { readonly name: string; readonly prefix: string }[];
  readonly cookies: readonly string[];
  readonly queryParams: readonly string[];
}

/** The provider of a part that has one only. */
const SINGLE = "default";

/** A claim, as it is written wherever one is named. */
export const claim = z
  .union([scalar("claimPath"), z.array(scalar("text")).min(1)])
  .meta({ description: "A claim; dots lead into maps. A list has each key as it is.", examples: ["sub", "org.id"] });

export function claimPath(written: z.infer<typeof claim>): ClaimPath {
  return typeof written === "string" ? written.split(".") : written;
}

const jwksSchema = block({
  uri: scalar("httpUri").optional().describe("Where the issuer publishes its keys; needs `service`."),
  service: name.optional().describe("The service that is asked for `uri`."),
  subset: name.optional().describe("One subset of the service."),
  refresh: scalar("wholeSeconds").optional().describe("How often to ask again; 10m when absent."),
  timeout: scalar("positiveDuration").optional().describe("How long an answer may take; 5s when absent."),
  file: scalar("text").optional().describe("A file beside Fairway, relative to this config file; watched."),
  inline: z.string({ error: "text" }).optional().describe("The keys themselves, as JSON."),
})
  .superRefine((value, context) => {
    const written = (["uri", "file", "inline"] as const).filter((key) => value[key] !== undefined);
    if (written.length !== 1) {
      const code = written.length === 0 ? "missing-key" : "invalid-value";
      const hint = written.length === 0 ? "for example `{ uri: …, service: … }`" : "keep one of them";
      refuse(context, { code, message: "exactly one of uri, file, inline is needed", hint });
    } else if (value.uri !== undefined && value.service === undefined) {
      const hint = "define a service whose endpoints or DNS name answer for the host of `uri`, and name it here";
      refuse(context, { code: "missing-key", message: "`uri` needs the `service` that is asked", hint });
    }
    const stray = (["service", "subset", "refresh", "timeout"] as const).find((key) => value[key] !== undefined);
    if (value.uri === undefined && stray !== undefined) {
      const hint = "remove it, or write `uri`";
      refuse(context, { code: "invalid-value", message: `\`${stray}\` belongs to \`uri\``, hint, path: [stray] });
    }
    const examined = value.inline === undefined ? undefined : examineJwks(value.inline);
    if (examined?.ok !== false) return;
    const { message, hint } = examined;
    refuse(context, { code: "invalid-jwks", message: `the JWKS ${message}`, hint, path: ["inline"] });
  })
  .meta({
    description: "The keys that tokens are checked with: fetched by Envoy, read from a file, or written here.",
    examples: [{ uri: "https://login.example.com/keys", service: "login" }, { file: "keys/jwks.json" }],
  });

const placesSchema = block({
  headers: z
    .array(
      z.union([
        scalar("headerName"),
        block({
          name: scalar("headerName").describe("The header."),
          prefix: scalar("text").optional().describe('What stands before the token, such as "Bearer ".'),
        }),
      ]),
    )
    .min(1)
    .optional()
    .describe("Headers that hold the token."),
  cookies: z.array(scalar("text")).min(1).optional().describe("Cookies that hold the token."),
  queryParams: z.array(scalar("text")).min(1).optional().describe("Query parameters that hold the token."),
}).meta({
  description: "Where the token is; the header authorization, after Bearer, and access_token of the query when absent.",
  examples: [{ headers: ["x-token"], cookies: ["session"] }],
});

const providerShape = {
  issuer: scalar("text").describe("What `iss` of the token must be."),
  audiences: z.array(scalar("text")).min(1).optional().describe("`aud` must have one of these; anything when absent."),
  jwks: jwksSchema,
  claimsToHeaders: z
    .record(scalar("changeableHeader"), claim)
    .optional()
    .meta({ description: "Headers for the backend, each with a claim.", examples: [{ "x-user": "sub" }] }),
  from: placesSchema.optional(),
  forward: z.boolean().optional().meta({ description: "Whether backends get the token; true when absent." }),
  clockSkew: scalar("wholeSeconds").optional().describe("How far clocks may differ; 1m when absent."),
};

const provider = block(providerShape).meta({ description: "Who signs tokens, and with which keys." });

const schema = block({
  ...providerShape,
  issuer: providerShape.issuer.optional(),
  jwks: jwksSchema.optional(),
  providers: z
    .record(name, provider)
    .optional()
    .describe("Several issuers by a name of yours; a token of any will do."),
  allowMissing: z
    .boolean()
    .optional()
    .describe("Lets requests without a token through; one with a bad token never is."),
})
  .superRefine((value, context) => {
    const own = Object.keys(providerShape).filter((key) => value[key as keyof typeof value] !== undefined);
    if (value.providers !== undefined) {
      const hint = "move it into one of the `providers`";
      const [key] = own;
      if (key !== undefined) {
        refuse(context, {
          code: "invalid-value",
          message: `\`${key}\` stands beside \`providers\``,
          hint,
          path: [key],
        });
      } else if (Object.keys(value.providers).length === 0) {
        refuse(context, { code: "missing-key", message: "no provider", hint: "name one", path: ["providers"] });
      }
      return;
    }
    for (const key of ["issuer", "jwks"] as const) {
      if (value[key] !== undefined) continue;
      const hint = "write `issuer` and `jwks`, or `providers` with several of them";
      refuse(context, { code: "missing-key", message: `\`${key}\` is missing`, hint });
    }
  })
  .meta({
    description: "Requests must carry a token of an issuer that is trusted.",
    examples: [{ issuer: "https://login.example.com/", jwks: { file: "keys/jwks.json" } }],
  });

type ProviderValue = z.infer<typeof provider>;

/** Where a part names a file, below the part. */
const places = [["jwks"], ["providers", "*", "jwks"]] as const;

export const jwt = filterPart({
  schema,
  build: (value, site): Jwt => {
    const { providers, allowMissing, ...own } = value;
    return {
      providers:
        providers === undefined
          ? // The schema demands both.
            [buildProvider(SINGLE, own as ProviderValue, site)]
          : Object.entries(providers)
              .map(([key, each]) =>
                buildProvider(key, each, { document: site.document, path: [...site.path, "providers", key] }),
              )
              .toSorted(byName),
      allowMissing: allowMissing ?? false,
    };
  },
  check: (path, { jwks, providers }) => [
    ...leftOutKeys([...path, "jwks"], jwks),
    ...Object.entries(providers ?? {}).flatMap(([key, each]) =>
      leftOutKeys([...path, "providers", key, "jwks"], each.jwks),
    ),
  ],
  names: places.map((at) => ({ section: "services", at })),
  files: places.map((at) => [...at, "file"]),
  fill: (settings, outside) => ({
    ...settings,
    providers: settings.providers.map((each) => ({ ...each, jwks: readJwks(each.jwks, outside) })),
  }),
  services: ({ providers }) => providers.flatMap(({ jwks }) => (jwks.kind === "remote" ? [jwks.service] : [])),
});

/** Of keys that are written in the config; those of a file are told when it is read. */
function leftOutKeys(path: Path, jwks: ProviderValue["jwks"] | undefined): readonly Problem[] {
  const examined = jwks?.inline === undefined ? undefined : examineJwks(jwks.inline);
  if (examined?.ok !== true) return [];
  return examined.leftOut.map(({ message, hint }) => ({
    code: "invalid-jwks",
    severity: "warning",
    message: `the JWKS ${message}`,
    hint,
    path: [...path, "inline"],
    at: "value",
  }));
}

function buildProvider(key: string, value: ProviderValue, site: PartSite): JwtProvider {
  const { from, clockSkew } = value;
  return {
    name: key,
    issuer: value.issuer,
    audiences: value.audiences ?? [],
    jwks: buildJwks(value.jwks, site),
    claimsToHeaders: Object.entries(value.claimsToHeaders ?? {})
      .map(([header, written]) => ({ header: header.toLowerCase(), claim: claimPath(written) }))
      .toSorted((a, b) => (a.header < b.header ? -1 : 1)),
    ...(from === undefined ? {} : { from: buildPlaces(from) }),
    forward: value.forward ?? true,
    ...(clockSkew === undefined ? {} : { clockSkewMs: durationMs(clockSkew) }),
  };
}

function buildJwks(value: ProviderValue["jwks"], { document, path }: PartSite): Jwks {
  const { uri, service, subset, refresh, timeout, file, inline } = value;
  if (file !== undefined) {
    const at = placeOf(document, [...path, "jwks", "file"], "value");
    return { kind: "file", path: resolveFile(document, file), at };
  }
  const examined = inline === undefined ? undefined : examineJwks(inline);
  if (examined?.ok === true) return { kind: "local", json: examined.json };
  return {
    kind: "remote",
    uri: uri ?? "",
    service: service ?? "",
    ...(subset === undefined ? {} : { subset }),
    ...(refresh === undefined ? {} : { refreshMs: durationMs(refresh) }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
  };
}

function buildPlaces({ headers, cookies, queryParams }: NonNullable<ProviderValue["from"]>): TokenPlaces {
  return {
    headers: (headers ?? []).map((header) =>
      typeof header === "string" ? { name: header, prefix: "" } : { name: header.name, prefix: header.prefix ?? "" },
    ),
    cookies: cookies ?? [],
    queryParams: queryParams ?? [],
  };
}

function readJwks(jwks: Jwks, outside: Outside): Jwks {
  if (jwks.kind !== "file") return jwks;
  const { path, at } = jwks;
  const text = outside.file(path, at);
  if (text === undefined) return jwks;
  const examined = examineJwks(text);
  const severity = examined.ok ? "warning" : "error";
  for (const { message, hint } of examined.ok ? examined.leftOut : [examined]) {
    outside.report({ code: "invalid-jwks", severity, message: `${path} ${message}`, hint, at });
  }
  return examined.ok ? { kind: "local", json: examined.json } : jwks;
}
