/**
 * Whether Envoy can check tokens with one key of a JSON Web Key Set.
 *
 * These are Envoy's own rules, not those of the RFCs or of OpenSSL: it is strict about base64url and about `alg`, and
 * knows few curves. A key that they refuse is left out by Envoy; only a set of nothing else is refused.
 * https://github.com/envoyproxy/envoy/blob/main/source/common/jwt/jwks.cc
 */
import { createPublicKey } from "node:crypto";

/** A key as it is written. */
export type Jwk = { readonly [key: string]: unknown };

/** The lengths, in bits, of RSA keys that Envoy takes. */
const RSA_BITS_MIN = 512;
const RSA_BITS_MAX = 16_384;

/** The curves of EC: the `alg` that goes with each, and the length of a coordinate in bytes. */
const curves: ReadonlyMap<string, { readonly alg: string; readonly bytes: number }> = new Map([
  ["P-256", { alg: "ES256", bytes: 32 }],
  ["P-384", { alg: "ES384", bytes: 48 }],
  ["P-521", { alg: "ES512", bytes: 66 }],
]);
const ED25519_BYTES = 32;

/** Why Envoy leaves the key out, or undefined: completes "key 1 …". */
export function unusableKey(key: Jwk): string | undefined {
  const { kty } = key;
  if (typeof kty !== "string") return "has no `kty`";
  // What is no text counts as absent.
  const alg = typeof key["alg"] === "string" ? key["alg"] : "";
  if (kty === "RSA") return unusableRsa(key, alg);
  if (kty === "EC") return unusableEc(key, alg);
  if (kty === "OKP") return unusableOkp(key, alg);
  return `is of the kind ${word(kty)}, and Envoy knows RSA, EC and OKP`;
}

function unusableRsa(key: Jwk, alg: string): string | undefined {
  if (alg !== "" && !/^(?:RS|PS)/.test(alg)) return `is RSA with the \`alg\` ${word(alg)}`;
  const modulus = bytesOf(key["n"]);
  const exponent = bytesOf(key["e"]);
  if (modulus === undefined) return notEncoded("n");
  if (exponent === undefined) return notEncoded("e");
  const first = modulus[0] ?? 0;
  const bits = modulus.length * 8 - (Math.clz32(first) - 24);
  const isOdd = ((modulus.at(-1) ?? 0) & 1) === 1;
  if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || !isOdd) return "has an `n` that is no modulus of RSA";
  return ["03", "010001"].includes(exponent.toString("hex"))
    ? undefined
    : "has an `e` that is neither 3 nor 65537 (AQAB)";
}

function unusableEc(key: Jwk, alg: string): string | undefined {
  if (alg !== "" && !alg.startsWith("ES")) return `is EC with the \`alg\` ${word(alg)}`;
  const { crv = "" } = key;
  if (typeof crv !== "string") return "has a `crv` that is no text";
  const name = crv === "" ? (alg === "" ? "P-256" : [...curves].find(([, curve]) => curve.alg === alg)?.[0]) : crv;
  const curve = curves.get(name ?? "");
  if (name === undefined || curve === undefined)
    return `is on ${word(name ?? alg)}, and Envoy knows ${[...curves.keys()].join(", ")}`;
  if (alg !== "" && alg !== curve.alg) return `is on ${name}, which does not go with the \`alg\` ${word(alg)}`;
  const x = coordinate(key["x"], curve.bytes);
  const y = coordinate(key["y"], curve.bytes);
  if (x === undefined) return notEncoded("x");
  if (y === undefined) return notEncoded("y");
  try {
    createPublicKey({ key: { kty: "EC", crv: name, x, y }, format: "jwk" });
    return undefined;
  } catch {
    return `has an \`x\` and a \`y\` that are no point on ${name}`;
  }
}

function unusableOkp(key: Jwk, alg: string): string | undefined {
  if (alg !== "" && alg !== "EdDSA") return `is OKP with the \`alg\` ${word(alg)}, and Envoy knows EdDSA`;
  const { crv } = key;
  if (crv !== "Ed25519") return `is on ${typeof crv === "string" ? word(crv) : "no curve"}, and Envoy knows Ed25519`;
  return decode(key["x"])?.length === ED25519_BYTES ? undefined : `has an \`x\` that is no key of Ed25519`;
}

function notEncoded(field: string): string {
  return `has no \`${field}\` in base64url`;
}

/** A number without its leading zeros; undefined for none. */
function bytesOf(value: unknown): Buffer | undefined {
  const bytes = decode(value);
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  return first < 0 ? undefined : bytes?.subarray(first);
}

/** A number in the length that the curve has, as base64url. */
function coordinate(value: unknown, length: number): string | undefined {
  const bytes = bytesOf(value);
  if (bytes === undefined || bytes.length > length) return undefined;
  return Buffer.concat([Buffer.alloc(length - bytes.length), bytes]).toString("base64url");
}

/** Envoy skips white space and takes padding that is complete, of `=` or `.`; `+` and `/` are of another alphabet. */
function decode(value: unknown): Buffer | undefined {
  if (typeof value !== "string") return undefined;
  const [, text = "", padding = ""] = /^([A-Za-z0-9_-]*)([=.]*)$/.exec(value.replaceAll(/\s/g, "")) ?? [];
  const rest = text.length % 4;
  if (text === "" || rest === 1 || (padding !== "" && padding.length !== (4 - rest) % 4)) return undefined;
  return Buffer.from(text, "base64url");
}

/** Names are no secrets; what is too long to be one is not repeated. */
function word(text: string): string {
  return /^[\w.-]{1,32}$/.test(text) ? text : "that nobody knows";
}
