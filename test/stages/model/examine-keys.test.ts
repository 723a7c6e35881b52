/**
 * Keys of tokens and certificates as far as Envoy would refuse them; test/envoy/keys.test.ts asks an Envoy for the same.
 */
import { describe, expect, it } from "vitest";
import { examineJwks } from "../../../src/model/examine-jwks.ts";
import { examinePair } from "../../../src/model/examine-pem.ts";
import { pem } from "../../support/certificates.ts";
import { tokenKeys } from "../../support/token-keys.ts";

describe("a JWKS with", () => {
  it.each(tokenKeys)("%s", (_, keys, leftOut) => {
    const examined = examineJwks(JSON.stringify({ keys }));
    expect(examined.ok ? examined.leftOut.length : keys.length).toBe(leftOut);
    expect(examined.ok).toBe(leftOut < keys.length);
  });

  it("a key for encryption beside others says nothing of it", () => {
    const [, [rsa] = []] = tokenKeys[0] ?? [];
    const keys = [rsa, { kty: "EC", crv: "P-256", alg: "ECDH-ES", use: "enc" }];
    expect(examineJwks(JSON.stringify({ keys }))).toMatchObject({ ok: true, leftOut: [] });
  });
});

it.each([
  ["p224", "an EC key on secp224r1"],
  ["secp256k1", "an EC key on secp256k1"],
  ["ed448", "a key of the kind ed448"],
] as const)("a certificate with the key %s is refused", (name, words) => {
  const { problems } = examinePair({ certificate: pem(`${name}.pem`), privateKey: pem(`${name}.key`) });
  expect(problems.map(({ message }) => message)).toEqual([`holds a certificate with ${words}, which Envoy refuses`]);
});

it.each(["one", "p384", "ed25519"] as const)("a certificate with the key %s is taken", (name) => {
  const pair = { certificate: pem(`${name}.pem`), privateKey: pem(`${name}.key`) };
  expect(examinePair(pair).problems).toEqual([]);
});
