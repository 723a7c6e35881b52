/**
 * What a JSON Web Key Set holds, as far as Envoy could not check a token with it, or everybody could make one.
 *
 * Messages say what is wrong and never what a key holds.
 */
import type { Jwk } from "./examine-jwk.ts";
import { unusableKey } from "./examine-jwk.ts";

/** What is wrong with a set: `message` completes "`file` …". */
export interface JwksProblem {
  readonly message: string;
  readonly hint: string;
}

/** The set without its white space, and the keys of it that Envoy leaves out; or why Envoy gets none of it. */
export type ExaminedJwks =
  | { readonly ok: true; readonly json: string; readonly leftOut: readonly JwksProblem[] }
  | ({ readonly ok: false } & JwksProblem);

const form = 'a JWKS is JSON of the form {"keys": [{"kty": "RSA", "kid": "…", "n": "…", "e": "AQAB"}]}';

/** RFC 7517; keys that Envoy cannot use are allowed beside others. */
export function examineJwks(text: string): ExaminedJwks {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const isPem = text.includes("-----BEGIN");
    return refused("is no JSON", isPem ? `it is PEM; ${form}` : form);
  }
  const keys = asMap(value)?.["keys"];
  if (!Array.isArray(keys)) return refused("has no list of `keys`", form);
  if (keys.length === 0)
    return refused("has no key", "every token would be refused; put the issuer's public keys there");
  const examined = keys.map((written: unknown, index) => {
    const key = asMap(written);
    return {
      key,
      which: `key ${index + 1} of ${keys.length}`,
      why: key === undefined ? "is no map" : unusableKey(key),
    };
  });
  for (const { key, which } of examined) {
    const exposed = key === undefined ? undefined : exposure(key);
    if (exposed !== undefined) return refused(`has ${which}, which ${exposed}`, exposedHint);
  }
  const unusable = examined.filter(({ why }) => why !== undefined);
  const [first] = unusable;
  if (first !== undefined && unusable.length === keys.length) {
    return refused(`has no key that Envoy can use: ${first.which} ${first.why}`, knownKeys);
  }
  const leftOut = unusable
    // Nobody expects tokens to be signed with the others.
    .filter(({ key }) => key?.["use"] !== "enc")
    .map(({ which, why }) => ({
      message: `has ${which}, which ${why}: Envoy goes on without it`,
      hint: `tokens that are signed with it are refused; ${knownKeys}`,
    }));
  return { ok: true, json: JSON.stringify(value), leftOut };
}

const knownKeys = "Envoy knows RSA with n and e, EC with crv, x and y, and OKP with crv and x";

const exposedHint = "who can see an Envoy's config could make tokens; put the public keys of RSA, EC or OKP there";

function exposure(key: Jwk): string | undefined {
  if (key["kty"] === "oct") return "is symmetric";
  return key["d"] === undefined ? undefined : "is a private key";
}

function refused(message: string, hint: string): ExaminedJwks {
  return { ok: false, message, hint };
}

function asMap(value: unknown): Jwk | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Jwk) : undefined;
}
