/**
 * The small values of the vocabulary: names, durations, weights, addresses.
 *
 * Each text with a form of its own is a row of `scalarRules`. The schema carries the row's name as its zod
 * error, and `explain-issue.ts` looks the sentence up there: so a message is written once, for the wrong
 * type and the wrong content alike. No schema transforms its value, because the JSON Schema for editors is
 * made from them and can only describe what is written.
 */
import * as z from "zod";
import { dnsNamePattern, isIpAddress, parseEndpointAddress, PORT_MAX } from "./address.ts";
import type { DiagnosticCode } from "./diagnostic.ts";
import { durationPattern, positiveDurationPattern } from "./duration.ts";
import { camelCase, snakeCase } from "./position.ts";

/** How a text must look, in words and as a pattern. */
export interface ScalarRule {
  readonly pattern: RegExp;
  /** Completes "… must be". */
  readonly expected: string;
  readonly hint: string;
  readonly examples: readonly string[];
}

const durationHint = "write a number and a unit: 250ms, 3s, 1.5s, 2m or 1h";

export const scalarRules = {
  name: {
    pattern: /^[A-Za-z0-9._-]{1,253}$/,
    expected: "a name of 1 to 253 letters, digits, dots, underscores and hyphens",
    hint: "names become parts of Envoy's names, where `|` and `/` separate",
    examples: ["shop", "shop.eu-1"],
  },
  gatewayReference: {
    pattern: /^[A-Za-z0-9._-]{1,253}(?:\/[A-Za-z0-9._-]{1,253})?$/,
    expected: "the name of a gateway, or gateway/listener",
    hint: "for example `public`, or `public/http`",
    examples: ["public", "public/http"],
  },
  duration: { pattern: durationPattern, expected: "a duration", hint: durationHint, examples: ["250ms", "3s"] },
  positiveDuration: {
    pattern: positiveDurationPattern,
    expected: "a duration greater than zero",
    hint: durationHint,
    examples: ["250ms", "3s"],
  },
  wholeSeconds: {
    // Five digits of hours fit the 32 bits of Envoy's flag.
    pattern: /^(?=[^a-z]*[1-9])[0-9]{1,5}[smh]$/,
    expected: "a duration of whole seconds greater than zero",
    hint: "write a number and a unit: 30s, 2m or 1h",
    examples: ["60s", "5m"],
  },
  locality: {
    pattern: /^[^/\s]+(?:\/[^/\s]+){0,2}$/,
    expected: "region, region/zone or region/zone/subZone",
    hint: "no spaces, at most three parts",
    examples: ["eu/a", "eu/a/rack-7"],
  },
  hostname: {
    pattern:
      /^(?:\*|(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*)$/,
    expected: "a host name",
    hint: "write example.com, *.example.com or *, without scheme, port and path",
    examples: ["example.com", "*.example.com"],
  },
  dnsName: {
    pattern: dnsNamePattern,
    expected: "a host name",
    hint: "write db.internal, without scheme, port and path",
    examples: ["db.internal"],
  },
  urlPath: {
    pattern: /^\/[^\s?#]*$/,
    expected: "a path that starts with / and has no query",
    hint: "for example /shop",
    examples: ["/shop"],
  },
  secretKey: {
    // Long enough for names of teams, services and files; etcd takes more.
    pattern: /^(?=.{1,400}$)(?!(?:.*\/)?\.{1,2}(?:\/|$))[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/,
    expected: "a key of etcd without `/fairway/secrets/` in front of it",
    hint: "write shop/tls.crt for /fairway/secrets/shop/tls.crt: letters, digits, dots, underscores and hyphens, with slashes between them, at most 400",
    examples: ["shop/tls.crt"],
  },
  method: {
    pattern: /^[A-Z][A-Z-]{0,31}$/,
    expected: "an HTTP method in upper case",
    hint: "for example GET or POST",
    examples: ["GET"],
  },
  grpcService: {
    pattern: /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/,
    expected: "the full name of a gRPC service",
    hint: "write package.Service, without a slash; the method has a key of its own",
    examples: ["shop.v1.Orders"],
  },
  grpcMethod: {
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    expected: "the name of a gRPC method",
    hint: "write its name alone, such as Place",
    examples: ["Place"],
  },
  headerName: {
    pattern: /^:?[A-Za-z0-9!#$%&'*+.^_`|~-]{1,255}$/,
    expected: "a header name",
    hint: "letters, digits and hyphens; Envoy's :authority and :path start with a colon",
    examples: ["x-canary"],
  },
  cookieName: {
    pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,255}$/,
    expected: "the name of a cookie",
    hint: "letters, digits and hyphens, for example session",
    examples: ["session"],
  },
  changeableHeader: {
    pattern: /^(?![Hh][Oo][Ss][Tt]$)[A-Za-z0-9!#$%&'*+.^_`|~-]{1,255}$/,
    expected: "the name of a header other than Host",
    hint: "letters, digits and hyphens; Host is changed by `rewrite: { hostname: … }`",
    examples: ["x-env"],
  },
  headerValue: {
    // Control characters would end the header, or make Envoy refuse it.
    pattern: /^[^\u0000-\u0008\u000a-\u001f\u007f]{1,4096}$/,
    expected: "the value of a header: 1 to 4096 characters on one line",
    hint: "",
    examples: [],
  },
  preciseHostname: {
    pattern:
      /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/,
    expected: "a host name without wildcard",
    hint: "write example.com, without scheme, port and path",
    examples: ["example.com"],
  },
  origin: {
    pattern:
      /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*(?::[0-9]{1,5})?)$/,
    expected: "an origin, or *",
    hint: "write https://app.example.com or https://*.example.com, with a scheme and without a path",
    examples: ["https://app.example.com", "https://*.example.com"],
  },
  originHost: {
    pattern:
      /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*(?::[0-9]{1,5})?$/,
    expected: "the host of an origin",
    hint: "write app.example.com, *.example.com or app.example.com:8443, without a scheme",
    examples: ["app.example.com", "*.example.com"],
  },
  mediaType: {
    pattern: /^[a-z0-9.+-]{1,127}\/[a-z0-9.+-]{1,127}$/,
    expected: "a media type in lower case",
    hint: "for example text/html, without charset",
    examples: ["text/html", "application/json"],
  },
  statusRange: {
    pattern: /^[1-5][0-9]{2}-[1-5][0-9]{2}$/,
    expected: "a range of HTTP statuses",
    hint: "write the first and the last, such as 200-299",
    examples: ["200-299"],
  },
  httpUri: {
    pattern: /^https?:\/\/[^\s/?#]+(?:[/?][^\s#]*)?$/,
    expected: "an address that starts with http:// or https://",
    hint: "for example https://login.example.com/keys",
    examples: ["https://login.example.com/keys"],
  },
  claimPath: {
    pattern: /^[^.]+(?:\.[^.]+)*$/,
    expected: "the name of a claim",
    hint: "for example sub, or org.id; a name that has dots itself is written as a list: [https://example.com/role]",
    examples: ["sub", "org.id"],
  },
  metadataPath: {
    pattern: /^[^.]+(?:\.[^.]+)*$/,
    expected: "a path of keys with dots between them",
    hint: "for example team, or deploy.stage",
    examples: ["deploy.stage"],
  },
  jsonPointer: {
    pattern: /^(?:\/(?:[^~/]|~[01])*)+$/,
    expected: "a JSON pointer",
    hint: "for example /filter_chains/0/filters/0; in a step ~1 stands for / and ~0 for ~",
    examples: [],
  },
  sha256: {
    pattern: /^[0-9a-f]{64}$/,
    expected: "a SHA-256: 64 hexadecimal digits in lower case",
    hint: "`sha256sum` prints it",
    examples: [],
  },
  upgradeType: {
    pattern: /^(?![Cc][Oo][Nn][Nn][Ee][Cc][Tt]$)[A-Za-z0-9!#$%&'*+.^_`|~/-]{1,64}$/,
    expected: "a protocol that HTTP/1.1 can upgrade to",
    hint: "for example websocket; CONNECT is no upgrade: write `connect: terminate` at a rule",
    examples: ["websocket"],
  },
  variable: {
    pattern: /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
    expected: "the name of an environment variable",
    hint: "for example EXAMPLE_KEY",
    examples: ["EXAMPLE_KEY"],
  },
  text: { pattern: /^[\s\S]{1,4096}$/, expected: "a text of 1 to 4096 characters", hint: "", examples: [] },
} as const satisfies Record<string, ScalarRule>;

/** A row of the table above. */
export type ScalarKind = keyof typeof scalarRules;

/** What a refinement tells `explain-issue.ts` beside its message. */
export interface RefinementParams {
  readonly code: DiagnosticCode;
  readonly hint?: string;
}

/** The schema of one row. */
export function scalar(kind: ScalarKind): z.ZodString {
  const rule: ScalarRule = scalarRules[kind];
  const schema = z.string({ error: kind }).regex(rule.pattern, { error: kind });
  return rule.examples.length === 0 ? schema : schema.meta({ examples: [...rule.examples] });
}

export const name = scalar("name");
/** Envoy sums weights in 32 bits. */
export const WEIGHT_MAX = 1_000_000;
/** Weights of backends. */
export const weight = z.int().min(0).max(WEIGHT_MAX);
export const port = z.int().min(1).max(PORT_MAX);
export const count = z.int().min(0).max(4_294_967_295);

/** One text or a list of them. */
export function oneOrMore<T extends z.ZodString>(item: T): z.ZodUnion<[T, z.ZodArray<T>]> {
  return z.union([item, z.array(item).min(1)]);
}

export const endpointAddress = z
  .string({ error: "text" })
  .superRefine((text, context) => {
    const parsed = parseEndpointAddress(text);
    if (!parsed.ok) refuse(context, { code: "invalid-value", ...parsed.error });
  })
  .meta({ examples: ["10.0.0.1:8080", "[::1]:8080", "unix:/run/app.sock"] });

export const ipAddress = z
  .string({ error: "text" })
  .superRefine((text, context) => {
    if (isIpAddress(text)) return;
    refuse(context, {
      code: "invalid-value",
      message: `"${text}" is not an IP address`,
      hint: "for example 0.0.0.0 or ::",
    });
  })
  .meta({ examples: ["0.0.0.0", "::"] });

/** `10.0.0.0/8`, or an address alone. */
export const addressRange = z
  .string({ error: "text" })
  .superRefine((text, context) => {
    const [address = "", bits] = text.split("/");
    const most = address.includes(":") ? 128 : 32;
    if (isIpAddress(address) && (bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most))) return;
    const message = `"${text}" is not a range of IP addresses`;
    refuse(context, { code: "invalid-value", message, hint: "for example 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32" });
  })
  .meta({ examples: ["10.0.0.0/8", "2001:db8::/32"] });

/** A map with exactly these keys; its zod errors list them, for "did you mean". */
export function block<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return blockKnownBy(shape, Object.keys(shape));
}

/** A map with exactly one of its keys. */
export function exactlyOne<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const keys = Object.keys(shape);
  return block(shape)
    .superRefine((value, context) => {
      const written = Object.keys(value);
      if (written.length === 1) return;
      const code = written.length === 0 ? "missing-key" : "invalid-value";
      const hint = written.length === 0 ? `write one of ${keys.join(", ")}` : "keep one of them";
      refuse(context, { code, message: `exactly one of ${keys.join(", ")} is needed`, hint });
    })
    .meta({ minProperties: 1, maxProperties: 1 });
}

/** A map whose keys may be spelled as in Envoy's protos too; both spellings at once are refused. */
export function policyBlock<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return blockKnownBy(withProtoSpelling(shape), Object.keys(shape)).superRefine(refuseBothSpellings);
}

/**
 * The shape with every key a second time in its proto spelling; hidden from the types, which name the first
 * only, and by `doNotSuggest` from what the YAML language server offers.
 */
export function withProtoSpelling<S extends z.ZodRawShape>(shape: S): S {
  const both: Record<string, z.core.SomeType> = { ...shape };
  for (const [key, schema] of Object.entries(shape)) {
    const proto = snakeCase(key);
    if (proto !== key)
      both[proto] = (schema as z.ZodType).meta({ description: `The same as ${key}.`, doNotSuggest: true });
  }
  return both as S;
}

/** The refinement of `policyBlock`, for blocks that mix policy keys with others. */
export function refuseBothSpellings(written: object, context: z.core.$RefinementCtx): void {
  for (const key of Object.keys(written)) {
    const camel = camelCase(key);
    if (camel === key || !Object.hasOwn(written, camel)) continue;
    const message = `\`${camel}\` and \`${key}\` are the same key`;
    refuse(context, { code: "duplicate-name", message, hint: "keep one of them", path: [key] });
  }
}

/** Adds a problem of a refinement, with its code. */
export function refuse(
  context: z.core.$RefinementCtx,
  problem: { readonly message: string; readonly path?: (string | number)[] } & RefinementParams,
): void {
  const { message, path, code, hint } = problem;
  const params: RefinementParams = hint === undefined ? { code } : { code, hint };
  context.addIssue({ code: "custom", message, params: { ...params }, ...(path === undefined ? {} : { path }) });
}

export function blockKnownBy<S extends z.ZodRawShape>(
  shape: S,
  keys: readonly string[],
): z.ZodObject<S, z.core.$strict> {
  const known = keys.join(" ");
  return z.strictObject(shape, { error: (issue) => (issue.code === "unrecognized_keys" ? known : "map") });
}
