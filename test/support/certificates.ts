/**
 * The certificates of the tests; `scripts/make-test-certificates.mjs` made them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Which there are: `one` and `two` are signed by `ca`, each for its own host name with `.test` at the end. */
export type CertificateName =
  | "ca"
  | "one"
  | "one-renewed"
  | "two"
  | "expired"
  | "other-ca"
  | "p224"
  | "p384"
  | "secp256k1"
  | "ed448"
  | "ed25519";

export const certificatesDir = join(import.meta.dirname, "../certificates");

/** `one.pem` is a certificate, `one.key` its key. */
export function pem(file: `${CertificateName}.${"pem" | "key"}`): string {
  return readFileSync(join(certificatesDir, file), "utf8");
}
