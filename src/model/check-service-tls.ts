/**
 * Whether a service's `tls` says how certificates are verified, in one way.
 *
 * Envoy without an authority trusts every certificate, silently; nobody shall get that by leaving a key out.
 */
import type { PolicyValue } from "./merge-policy.ts";
import type { Path, Problem } from "./position.ts";

export function* checkServiceTls(path: Path, tls: NonNullable<PolicyValue["tls"]>): Iterable<Problem> {
  if (tls.ca === undefined && tls.verify === undefined) {
    const message = "without `ca` Envoy would trust every certificate";
    const hint = "name a secret with authorities; write `verify: none` if any certificate will do";
    yield { code: "missing-key", message, hint, path, at: "key" };
  }
  if (tls.verify === undefined) return;
  for (const key of ["ca", "subjectAltNames"] as const) {
    if (tls[key] === undefined) continue;
    const message = `\`${key}\` and \`verify: none\` contradict each other`;
    yield { code: "invalid-value", message, hint: "keep one of them", path: [...path, key], at: "key" };
  }
}
