/**
 * Keys of tokens (JWKS), and whether Envoy checks any with them.
 *
 * The keys are made anew each time; what is wrong with one is written beside it.
 */
import type { KeyObject } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import type { Jwk } from "../../src/model/examine-jwk.ts";

const rsa = jwkOf(generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey);
const cubed = jwkOf(generateKeyPairSync("rsa", { modulusLength: 2_048, publicExponent: 17 }).publicKey);
const ec = (namedCurve: string) => jwkOf(generateKeyPairSync("ec", { namedCurve }).publicKey);
const p256 = ec("P-256");
const p384 = ec("P-384");
const ed25519 = jwkOf(generateKeyPairSync("ed25519").publicKey);
const unknown: Jwk = { kty: "AKP", alg: "ML-DSA-44", pub: "AA" };
const n = String(rsa["n"]);

/** What is tried, the set, and how many of its keys Envoy leaves out: all of them is a refusal. */
export const tokenKeys: readonly (readonly [title: string, keys: readonly Jwk[], leftOut: number])[] = [
  ["RSA", [rsa], 0],
  ["RSA with PSS", [{ ...rsa, alg: "PS256" }], 0],
  ["RSA with all of its padding", [{ ...rsa, n: `${n}==` }], 0],
  ["RSA with half of its padding", [{ ...rsa, n: `${n}=` }], 1],
  ["RSA with white space", [{ ...rsa, n: `${n.slice(0, 40)} ${n.slice(40)}` }], 0],
  ["an n that is garbage", [{ ...rsa, n: "!!" }], 1],
  ["an n in the other alphabet", [{ ...rsa, n: `${n.slice(0, -4)}+/+/` }], 1],
  ["an n that is even", [{ ...rsa, n: `${n.slice(0, -2)}AA` }], 1],
  ["an n that is short", [{ ...rsa, n: "AQAB" }], 1],
  ["an e of 17", [cubed], 1],
  ["RSA for HMAC", [{ ...rsa, alg: "HS256" }], 1],
  ["RSA for EC", [{ ...rsa, alg: "ES256" }], 1],
  ["EC on P-256", [p256], 0],
  ["EC on P-384", [{ ...p384, alg: "ES384" }], 0],
  ["EC on P-521", [ec("P-521")], 0],
  ["EC whose curve is known from its alg", [{ kty: "EC", alg: "ES384", x: p384["x"], y: p384["y"] }], 0],
  ["EC whose curve is not written", [{ kty: "EC", x: p256["x"], y: p256["y"] }], 0],
  ["EC on another curve than its alg", [{ ...p256, alg: "ES384" }], 1],
  ["EC for RSA", [{ ...p256, alg: "RS256" }], 1],
  ["EC on secp256k1", [ec("secp256k1")], 1],
  ["a point that is not on the curve", [{ ...p256, y: p256["x"] }], 1],
  ["Ed25519", [{ ...ed25519, alg: "EdDSA" }], 0],
  ["Ed25519 by its new name", [{ ...ed25519, alg: "Ed25519" }], 1],
  ["an x that is short", [{ ...ed25519, x: "AAAA" }], 1],
  ["Ed448", [jwkOf(generateKeyPairSync("ed448").publicKey)], 1],
  ["X25519", [jwkOf(generateKeyPairSync("x25519").publicKey)], 1],
  ["a kind that Envoy does not know", [unknown], 1],
  ["a kind that Envoy does not know beside RSA", [rsa, unknown], 1],
  ["garbage before EC", [{ ...rsa, n: "!!" }, p256], 1],
  ["no kind beside RSA", [rsa, {}], 1],
];

function jwkOf(key: KeyObject): Jwk {
  return { ...key.export({ format: "jwk" }) };
}
