/**
 * What a JSON Web Key Set holds, as far as Envoy could not check a token with it, or everybody could make one.
 *
 * Messages say what is wrong and never what a key holds.
 */
import { createPublicKey } from "node:crypto";

/** The set without its white space, or what is wrong with it: completes "`file` …". */
export type ExaminedJwks =
  | { readonly ok: true; readonly json: string }
  | { readonly ok: false; readonly message: string; readonly hint: string };

const form = 'a JWKS is JSON of the form {"keys": [{"kty": "RSA", "kid": "…", "n": "…", "e": "AQAB"}]}';

/** RFC 7517; keys of a kind that Envoy does not know are allowed beside others. */
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
  for (const [index, key] of keys.entries()) {
    const problem = keyProblem(asMap(key));
    if (problem !== undefined)
      return refused(`has key ${index + 1} of ${keys.length}, which ${problem[0]}`, problem[1]);
  }
  return { ok: true, json: JSON.stringify(value) };
}

type Map = { readonly [key: string]: unknown };

function keyProblem(key: Map | undefined): readonly [message: string, hint: string] | undefined {
  if (key === undefined) return ["is no map", form];
  if (typeof key["kty"] !== "string") return ["has no `kty`", form];
  const secret = "who can see an Envoy's config could make tokens; put the public keys of RSA, EC or OKP there";
  if (key["kty"] === "oct") return ["is symmetric", secret];
  if (key["d"] !== undefined) return ["is a private key", secret];
  try {
    createPublicKey({ key, format: "jwk" });
    return undefined;
  } catch {
    return ["cannot be read", "Envoy knows RSA with n and e, EC with crv, x and y, and OKP with crv and x"];
  }
}

function refused(message: string, hint: string): ExaminedJwks {
  return { ok: false, message, hint };
}

function asMap(value: unknown): Map | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Map) : undefined;
}
