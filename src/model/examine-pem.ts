/**
 * What PEM texts hold, as far as Envoy would refuse them or clients would.
 *
 * Messages say what is wrong with a part and never what it holds.
 */
import type { KeyObject } from "node:crypto";
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { SecretKey } from "./build-secret.ts";
import type { DiagnosticCode } from "./diagnostic.ts";
import type { Validity } from "./validity.ts";

/** Something wrong with one part of a secret. */
export interface PemProblem {
  readonly part: SecretKey;
  readonly code: DiagnosticCode;
  readonly severity: "error" | "warning";
  /** Completes "`file` …". */
  readonly message: string;
  readonly hint: string;
}

/** What is known of a secret: its problems, and when its certificate is valid. */
export interface ExaminedPem {
  readonly problems: readonly PemProblem[];
  readonly validity?: Validity;
}

/** Envoy refuses shorter ones. */
const RSA_BITS_MIN = 2048;

/** The curves that Envoy takes, by OpenSSL's names. */
const curves: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
  ["secp521r1", "P-521"],
]);

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A certificate with its chain and its key; a part that lies on the Envoy is absent, and cannot be compared. */
export function examinePair(pair: { readonly certificate?: string; readonly privateKey?: string }): ExaminedPem {
  const chain = pair.certificate === undefined ? undefined : readCertificates("certificate", pair.certificate);
  const key = pair.privateKey === undefined ? undefined : readPrivateKey(pair.privateKey);
  const problems = [...(chain?.problems ?? []), ...(key?.problems ?? [])];
  const leaf = chain?.certificates[0];
  if (leaf === undefined) return { problems };
  const validity = validityOf([leaf]);
  if (key?.key === undefined || leaf.checkPrivateKey(key.key)) return { problems, validity };
  const message = "holds a key that does not belong to the certificate";
  const hint = "put both files of one renewal there; what was served before stays until they fit";
  return { problems: [...problems, invalid("privateKey", message, hint)], validity };
}

/** The authorities that certificates are checked against. */
export function examineAuthorities(ca: string): ExaminedPem {
  const { certificates, problems } = readCertificates("ca", ca);
  return certificates.length === 0 ? { problems } : { problems, validity: validityOf(certificates) };
}

function readCertificates(
  part: "certificate" | "ca",
  text: string,
): { readonly certificates: readonly X509Certificate[]; readonly problems: readonly PemProblem[] } {
  const blocks = text.match(block) ?? [];
  if (blocks.length === 0) {
    const hint = text.includes("PRIVATE KEY-----")
      ? "it holds a private key: are the two files exchanged?"
      : "a PEM file begins with -----BEGIN CERTIFICATE-----; `openssl x509 -inform der` makes one";
    return { certificates: [], problems: [invalid(part, "holds no certificate in PEM", hint)] };
  }
  const certificates: X509Certificate[] = [];
  for (const [index, pem] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(pem));
    } catch {
      const message = `holds a certificate that cannot be read, number ${index + 1} of ${blocks.length}`;
      return { certificates: [], problems: [invalid(part, message, "copy or issue it again")] };
    }
  }
  const [leaf] = certificates;
  const problems = part === "certificate" && leaf !== undefined ? refusedKey(leaf) : [];
  return { certificates, problems };
}

/** A key that Envoy refuses to show to anybody. */
function refusedKey(leaf: X509Certificate): readonly PemProblem[] {
  const { asymmetricKeyType: type = "", asymmetricKeyDetails: { modulusLength = 0, namedCurve = "" } = {} } =
    leaf.publicKey;
  if (type === "ed25519" || (type === "ec" && curves.has(namedCurve))) return [];
  if (type === "rsa" && modulusLength >= RSA_BITS_MIN) return [];
  const known = `use RSA of at least ${RSA_BITS_MIN} bits, EC on ${[...curves.values()].join(", ")}, or Ed25519`;
  const [what, hint] =
    type === "rsa"
      ? [`an RSA key of ${modulusLength} bits`, `use at least ${RSA_BITS_MIN} bits`]
      : type === "ec"
        ? [`an EC key on ${namedCurve}`, known]
        : [`a key of the kind ${type}`, known];
  return [invalid("certificate", `holds a certificate with ${what}, which Envoy refuses`, hint)];
}

function readPrivateKey(text: string): { readonly key?: KeyObject; readonly problems: readonly PemProblem[] } {
  const refuse = (message: string, hint: string) => ({ problems: [invalid("privateKey", message, hint)] });
  if (!text.includes("PRIVATE KEY-----")) {
    const hint = text.includes("CERTIFICATE-----")
      ? "it holds a certificate: are the two files exchanged?"
      : "a PEM file begins with -----BEGIN PRIVATE KEY----- or similar";
    return refuse("holds no private key in PEM", hint);
  }
  if (text.includes("ENCRYPTED")) {
    return refuse("holds a key that has a passphrase", "store it without: `openssl pkey -in FILE -out FILE`");
  }
  try {
    return { key: createPrivateKey(text), problems: [] };
  } catch {
    // The reason that OpenSSL gives may hold parts of the text.
    return refuse("holds a private key that cannot be read", "copy or make it again");
  }
}

/** From when until when at least one of them is valid. */
function validityOf(certificates: readonly X509Certificate[]): Validity {
  return {
    fromMs: Math.min(...certificates.map(({ validFrom }) => Date.parse(validFrom))),
    toMs: Math.max(...certificates.map(({ validTo }) => Date.parse(validTo))),
  };
}

function invalid(part: PemProblem["part"], message: string, hint: string): PemProblem {
  return { part, code: "invalid-secret", severity: "error", message, hint };
}
