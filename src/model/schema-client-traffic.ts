/**
 * What a gateway makes of requests before anything else looks at them: who the client is, and which paths and headers
 * are taken. The words are those of Envoy Gateway's ClientTrafficPolicy.
 */
import * as z from "zod";
import { headerChanges } from "./schema-filter.ts";
import { addressRange, block, exactlyOne, refuse, scalar } from "./schema-scalars.ts";

/** Of a client's certificate. */
const certDetails = ["Subject", "Cert", "Chain", "DNS", "URI"] as const;

/** More proxies in a row than anybody has. */
const HOPS_MAX = 20;

const xForwardedFor = exactlyOne({
  numTrustedHops: z.int().min(1).max(HOPS_MAX).optional().meta({
    description: "How many proxies stand before Envoy; each adds the address of who connected to it at the end.",
  }),
  trustedCIDRs: z
    .array(addressRange)
    .min(1)
    .optional()
    .meta({
      description: "The addresses of proxies; the client is the last address that is none of them.",
      examples: [["10.0.0.0/8"]],
    }),
}).meta({ description: "Proxies before Envoy whose x-forwarded-for is believed.", examples: [{ numTrustedHops: 1 }] });

export const clientIPDetection = exactlyOne({
  xForwardedFor: xForwardedFor.optional(),
  customHeader: block({
    name: scalar("headerName").describe("The header with the address, which nobody but a proxy may set."),
    failClosed: z
      .boolean()
      .optional()
      .meta({ description: "A request without it is answered 403; else the client is who connects." }),
  })
    .optional()
    .meta({ description: "A header that a proxy sets.", examples: [{ name: "x-real-ip", failClosed: true }] }),
}).meta({
  description: "Where the client's address comes from; the connection when absent.",
  examples: [{ xForwardedFor: { numTrustedHops: 1 } }],
});

export const pathSettings = block({
  escapedSlashesAction: z
    .enum(["KeepUnchanged", "RejectRequest", "UnescapeAndForward", "UnescapeAndRedirect"])
    .optional()
    .meta({ description: "What is done with `%2F` and `%5C` in a path; KeepUnchanged when absent." }),
  disableMergeSlashes: z
    .boolean()
    .optional()
    .meta({ description: "`//` stays two slashes, and matches no rule for one." }),
}).meta({
  description: "How paths are read.",
  examples: [{ escapedSlashesAction: "RejectRequest" }],
});

export const headerSettings = block({
  withUnderscoresAction: z
    .enum(["Allow", "RejectRequest", "DropHeader"])
    .optional()
    .meta({ description: "What is done with headers that have an underscore in their name; Allow when absent." }),
  requestID: z
    .enum(["PreserveOrGenerate", "Preserve", "Generate", "Disable"])
    .optional()
    .meta({ description: "Whose x-request-id requests have; Generate, a new one, when absent." }),
  serverHeader: z
    .enum(["OVERWRITE", "APPEND_IF_ABSENT", "PASS_THROUGH"])
    .optional()
    .meta({ description: "The `server` of answers: envoy, envoy if there is none, or the backend's; OVERWRITE." }),
  xForwardedClientCert: block({
    mode: z.enum(["Sanitize", "ForwardOnly", "AppendForward", "SanitizeSet", "AlwaysForwardOnly"]).meta({
      description:
        "Who says in x-forwarded-client-cert what certificate a client has: nobody, the client, both, Envoy, or anybody without one too.",
    }),
    certDetailsToAdd: z
      .array(z.enum(certDetails))
      .min(1)
      .optional()
      .meta({ description: "What Envoy says beside the hash and its own name.", examples: [["Subject", "URI"]] }),
  })
    .superRefine(({ mode, certDetailsToAdd }, context) => {
      if (certDetailsToAdd === undefined || mode === "AppendForward" || mode === "SanitizeSet") return;
      const message = `with ${mode} Envoy adds nothing to x-forwarded-client-cert`;
      const hint = "write `mode: SanitizeSet`, or remove it";
      refuse(context, { code: "invalid-value", message, hint, path: ["certDetailsToAdd"] });
    })
    .optional()
    .meta({
      description: "The header in which backends read the client's certificate; Sanitize, without it, when absent.",
      examples: [{ mode: "SanitizeSet", certDetailsToAdd: ["URI"] }],
    }),
  earlyRequestHeaders: headerChanges.optional(),
}).meta({
  description: "Which headers are taken, and what is changed before routes and filters see a request.",
  examples: [{ withUnderscoresAction: "RejectRequest" }],
});
