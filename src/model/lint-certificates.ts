/**
 * Warnings about HTTPS listeners for hostnames that none of their certificates is for: clients refuse those.
 *
 * What lies on the Envoy's own disk is not known here, and a listener for all hostnames says nothing to compare.
 */
import { X509Certificate } from "node:crypto";
import type { DocumentParts } from "./build-document.ts";
import type { DraftGateway } from "./build-nodes.ts";
import { listenerPath } from "./check-conflicts.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Secret } from "./intent-secret.ts";
import { locate } from "./position.ts";

type Listener = DraftGateway["listeners"][number];

/** More are only counted. */
const NAMES_SHOWN_MAX = 5;

/** A secret that is unchanged stays the same object. */
const known = new WeakMap<Secret, X509Certificate>();

/** One for each listener, with the hostnames that no certificate covers. */
export function lintCertificates(parts: readonly DocumentParts[], secrets: readonly Secret[]): readonly Diagnostic[] {
  const byName = new Map(secrets.map((secret) => [secret.name, secret]));
  return parts.flatMap(({ document, gateways }) =>
    gateways.flatMap((gateway) =>
      [...gateway.listeners, ...gateway.l4Listeners].flatMap((listener) => {
        const problem = uncovered(listener, byName);
        if (problem === undefined) return [];
        const path = [...listenerPath(document, gateway.name, listener.name), "tls", "secret"];
        return [locate(document, { ...problem, path, at: "value" })];
      }),
    ),
  );
}

function uncovered(
  { tls, hostnames }: Listener,
  secrets: ReadonlyMap<string, Secret>,
): Pick<Diagnostic, "code" | "severity" | "message" | "hint"> | undefined {
  if (tls === undefined || hostnames === undefined) return undefined;
  const certificates = tls.certificates.map((name) => certificateOf(secrets.get(name)));
  const readable = certificates.filter((certificate) => certificate !== undefined);
  if (readable.length === 0 || readable.length < certificates.length) return undefined;
  const missing = hostnames.filter((hostname) => !readable.some((certificate) => covers(certificate, hostname)));
  if (missing.length === 0) return undefined;
  const subject = tls.certificates.length === 1 ? "the certificate is" : "the certificates are";
  return {
    code: "certificate-hostnames",
    severity: "warning",
    message: `${subject} for ${list(readable.flatMap(namesOf))}, and not for ${list(missing)}: clients refuse it there`,
    hint: "use a certificate for these hostnames, or remove them from `hostnames`",
  };
}

/** The certificate that is shown to clients, the first of its file. */
function certificateOf(secret: Secret | undefined): X509Certificate | undefined {
  if (secret?.kind !== "certificate" || secret.certificate.kind !== "inline") return undefined;
  const certificate = known.get(secret) ?? new X509Certificate(secret.certificate.pem);
  known.set(secret, certificate);
  return certificate;
}

/** Of `*.example.com` it is enough to cover one name: nobody may ask for the others. */
function covers(certificate: X509Certificate, hostname: string): boolean {
  if (!hostname.startsWith("*")) return certificate.checkHost(hostname) !== undefined;
  return namesOf(certificate).some((name) => name.toLowerCase().endsWith(hostname.slice(1)));
}

function namesOf({ subjectAltName = "", subject }: X509Certificate): readonly string[] {
  const names = subjectAltName.split(", ").flatMap((entry) => (entry.startsWith("DNS:") ? [entry.slice(4)] : []));
  return names.length > 0
    ? names
    : subject.split("\n").flatMap((part) => (part.startsWith("CN=") ? [part.slice(3)] : []));
}

function list(names: readonly string[]): string {
  if (names.length === 0) return "no hostname";
  const more = names.length - NAMES_SHOWN_MAX;
  return names.slice(0, NAMES_SHOWN_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
