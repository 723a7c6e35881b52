/**
 * The certificate of `example.com` and its authority, which are among the examples and public.
 */
import { readFileSync } from "node:fs";

/** What the certificate is for. */
export const CERTIFIED_NAME = "example.com";

/** PEM texts. */
export interface ExampleCertificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export function exampleCertificate(): ExampleCertificate {
  const read = (name: string) => readFileSync(new URL(`../../examples/tls/certs/${name}`, import.meta.url), "utf8");
  return { cert: read("example-com.pem"), key: read("example-com.key"), ca: read("internal-ca.pem") };
}
