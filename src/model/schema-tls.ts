/**
 * The `tls` blocks: of a listener for its clients, of a service for its endpoints.
 */
import * as z from "zod";
import { block, name, oneOrMore, policyBlock, refuse, scalar } from "./schema-scalars.ts";

/** Envoy's own words, oldest first. */
const tlsVersions = ["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"] as const;

const version = z.enum(tlsVersions);

export const listenerTlsSchema = block({
  mode: z.enum(["terminate", "passthrough"]).optional().meta({
    description:
      "Of `protocol: TLS`. passthrough: the endpoints have the certificates, and Envoy reads only which name is asked for; terminate when absent.",
  }),
  secret: oneOrMore(name).optional().meta({
    description: "The secret with the certificate, or several, of which Envoy takes the one that fits the client.",
  }),
  clientCa: name
    .optional()
    .meta({ description: "The secret with the authorities; clients must then have a certificate." }),
  clientSubjectAltNames: z
    .array(scalar("text"))
    .min(1)
    .optional()
    .meta({
      description: "The client's certificate must have one of these: DNS names, URIs or IP addresses.",
      examples: [["spiffe://fleet.example/shop"]],
    }),
  minVersion: version.optional().meta({ description: "TLSv1_2 when absent." }),
  maxVersion: version.optional().meta({ description: "TLSv1_3 when absent." }),
  alpn: z
    .array(scalar("text"))
    .min(1)
    .optional()
    .meta({ description: "Protocols that are offered; h2 and http/1.1 when absent." }),
})
  .superRefine(refuseVersions)
  .superRefine(({ clientCa, clientSubjectAltNames }, context) => {
    if (clientSubjectAltNames === undefined || clientCa !== undefined) return;
    const message = "without `clientCa` anybody could write these names into a certificate";
    const hint = "name the secret with the authorities that sign the clients' certificates";
    refuse(context, { code: "missing-key", message, hint, path: ["clientSubjectAltNames"] });
  })
  .superRefine(({ mode, secret, ...rest }, context) => {
    if (mode !== "passthrough" && secret === undefined) {
      const hint = "write `secret: …` with a name under `secrets`";
      refuse(context, { code: "missing-key", message: "`tls` needs a `secret`", hint });
    }
    if (mode !== "passthrough") return;
    for (const [key, value] of Object.entries({ secret, ...rest })) {
      if (value === undefined) continue;
      const hint = "remove it: the endpoints themselves speak TLS with the clients";
      refuse(context, { code: "invalid-value", message: `\`${key}\` has no use in passthrough`, hint, path: [key] });
    }
  })
  .meta({ description: "TLS for the clients of a listener.", examples: [{ secret: "example-com" }] });

export const serviceTlsSchema = policyBlock({
  ca: name
    .optional()
    .meta({ description: "The secret with the authorities that the endpoints' certificates are checked against." }),
  sni: scalar("hostname")
    .optional()
    .meta({
      description: "The name that is asked for, and that the certificate must have; the request's host when absent.",
      examples: ["reviews.internal"],
    }),
  subjectAltNames: z.array(scalar("text")).min(1).optional().meta({
    description:
      "The certificate must have one of these, instead of the name in `sni`: DNS names, URIs or IP addresses.",
  }),
  clientCertificate: name
    .optional()
    .meta({ description: "The secret with the certificate that Envoy shows to the endpoints." }),
  minVersion: version.optional().meta({ description: "TLSv1_2 when absent." }),
  maxVersion: version.optional().meta({ description: "TLSv1_3 when absent." }),
  verify: z
    .literal("none")
    .optional()
    .meta({ description: "Instead of `ca`: any certificate will do, also that of somebody in between." }),
})
  .superRefine(refuseVersions)
  .superRefine(({ sni }, context) => {
    if (sni?.includes("*") !== true) return;
    const hint = "a client asks for one name; `subjectAltNames` says which others the certificate may have";
    refuse(context, {
      code: "invalid-value",
      message: `\`sni\` must be one name, but is "${sni}"`,
      hint,
      path: ["sni"],
    });
  })
  .meta({ description: "TLS to the endpoints.", examples: [{ ca: "internal-ca", sni: "reviews.internal" }] });

type Version = z.infer<typeof version>;

function refuseVersions(
  versions: { readonly minVersion?: Version | undefined; readonly maxVersion?: Version | undefined },
  context: z.core.$RefinementCtx,
): void {
  const { minVersion, maxVersion } = versions;
  if (minVersion === undefined || maxVersion === undefined) return;
  if (tlsVersions.indexOf(minVersion) <= tlsVersions.indexOf(maxVersion)) return;
  const message = `\`maxVersion\` ${maxVersion} is older than \`minVersion\` ${minVersion}`;
  refuse(context, { code: "invalid-value", message, hint: "exchange them", path: ["maxVersion"] });
}
