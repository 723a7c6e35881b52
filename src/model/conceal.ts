/**
 * Diagnostics of files that hold secrets: they say where and what is wrong, and quote nothing.
 *
 * Diagnostics go into logs, into the admin API and over shoulders. A file that does not parse has no fields by
 * which a secret could be told from the rest, so what counts is the whole file: when its text bears a sign of
 * a secret, none of its lines is shown. Secrets in a file of their own leave all other files as they were.
 */
import type { Diagnostic, DiagnosticCode } from "./diagnostic.ts";

/**
 * Keys under which Envoy's API keeps what it marks as sensitive, in both spellings, and types in which every
 * key may be misspelt. Words that people give to services, such as `users` and `keys`, are no sign alone, and `allowCredentials`
 * of CORS is a yes or no.
 */
const signs =
  /\.v3\.(?:Secret|BasicAuth)|PRIVATE KEY|(?:private_?key|pkcs12|passwords?|auth_?username|secrets?|secret_?data|access_?key|(?:backend|session|identity)_?token(?:_?data_?source)?|(?<!allow_?)credentials(?:_?data_?source)?|ticket_?keys|context_?extensions)\w{0,2}["']?\s*:/i;

/** A listener's secret is named and not written: `tls: { secret: example-com }`, outside of raw Envoy resources. */
const secretName = /(?<!\w)tls["']?\s*:[^}@]{0,200}?(?<!\w)secret["']?\s*:\s*(?=[\w."'[-])/g;

/** So is that of a login; what is longer than names are, or has capitals, may be the secret itself. */
const clientSecretName = /(?<!\w)clientSecret["']?\s*:\s*(?=["']?[a-z][a-z0-9._-]{0,23}["']?\s*(?:[,}#]|$))/gm;

/** Where the messages of a code quote a value of the file; the rest of a message names keys and types only. */
const quotes: Partial<Record<DiagnosticCode, RegExp>> = {
  "yaml-syntax": /["*:\\].*/s,
  "yaml-ambiguous": /`[^`]*`/,
  "unsafe-integer": /^\S+/,
  "wrong-type": /(?<=, but is ).*/s,
  "invalid-value": /(?<=, but is ).*|"[^"]*"/s,
  "envoy-constraint": /(?<=, but (?:is|has) ).*/s,
  "invalid-envoy-resource": /(?<= from JSON).*/s,
};

/** Whether nothing of this text may be quoted. */
export function isConfidential(text: string): boolean {
  return signs.test(
    text.includes("@type") ? text : text.replace(secretName, "tls: ").replace(clientSecretName, "oidc: "),
  );
}

/** How hints begin that consist of words of the vocabulary and of examples, and repeat nothing of the file. */
const knownHint = new RegExp(
  `^(?:${[
    "did you mean|for example |what belongs here|keep one|allowed: |known here: |by status there are ",
    "write `(?:certificate|privateKey|ca): \\{|write the name of an entry under `secrets`",
    "(?:remove the quotes|put it in quotes|write the number alone|write a list|write a map)$",
    // Those of the small values: scalarRules.
    "write (?:a unit, such as|a number and a unit:|the first and the last, such as|its name alone, such as) ",
    "write (?:example\\.com|db\\.internal|app\\.example\\.com|https://app\\.example\\.com|package\\.Service|shop/tls\\.crt)[ ,]",
    "letters, digits|no spaces, at most|names become parts of|`sha256sum` prints it",
  ].join("|")})`,
);

/** The diagnostic without the line it is about and without the value in its message. */
export function conceal({ source: _, hint, ...diagnostic }: Diagnostic): Diagnostic {
  const quote = quotes[diagnostic.code];
  // A suggestion is one of the known words; every other hint may repeat what is written.
  const safe = hint !== undefined && (quote === undefined || knownHint.test(hint));
  return {
    ...diagnostic,
    message: quote === undefined ? diagnostic.message : diagnostic.message.replace(quote, "…"),
    ...(safe ? { hint } : {}),
  };
}
