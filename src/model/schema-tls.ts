/**
 * The `tls` blocks: what Envoy shows to clients of a listener, and what it demands of them.
 */
import * as z from "zod";
import { block, name, oneOrMore, refuse, scalar } from "./schema-scalars.ts";

/** Envoy's own words, oldest first. */
const tlsVersions = ["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"] as const;

const version = z.enum(tlsVersions);

export const listenerTlsSchema = block({
  secret: oneOrMore(name).meta({
    description: "The secret with the certificate, or several, of which Envoy takes the one that fits the client.",
  }),
  clientCa: name
    .optional()
    .meta({ description: "The secret with the authorities; clients must then have a certificate." }),
  minVersion: version.optional().meta({ description: "TLSv1_2 when absent." }),
  maxVersion: version.optional().meta({ description: "TLSv1_3 when absent." }),
  alpn: z
    .array(scalar("text"))
    .min(1)
    .optional()
    .meta({ description: "Protocols that are offered; h2 and http/1.1 when absent." }),
})
  .superRefine(({ minVersion, maxVersion }, context) => {
    if (minVersion === undefined || maxVersion === undefined) return;
    if (tlsVersions.indexOf(minVersion) <= tlsVersions.indexOf(maxVersion)) return;
    const message = `\`maxVersion\` ${maxVersion} is older than \`minVersion\` ${minVersion}`;
    refuse(context, { code: "invalid-value", message, hint: "exchange them", path: ["maxVersion"] });
  })
  .meta({ description: "TLS for the clients of a listener.", examples: [{ secret: "example-com" }] });
