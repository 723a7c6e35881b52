/**
 * `http3` of a listener: the same requests over QUIC, on the UDP port with the number of its TCP port.
 *
 * What belongs to connections of TCP is refused beside it, because Envoy does not know it of QUIC: some of it makes
 * the whole listener invalid, and the rest would hold for one half of the clients.
 */
import * as z from "zod";
import { block, port, refuse, scalar } from "./schema-scalars.ts";

export const http3Schema = z
  .union([
    z.boolean(),
    block({
      advertisedPort: port.optional().meta({
        description:
          "The port that answers name in `alt-svc`, where clients come by another; the listener's when absent.",
      }),
      maxAge: scalar("wholeSeconds").optional().meta({
        description: "How long clients remember that there is HTTP/3; 24h when absent.",
      }),
    }),
  ])
  .meta({
    description: "Take HTTP/3 as well, on the UDP port of the same number, and say so in answers; of HTTPS.",
    examples: [true, { advertisedPort: 443, maxAge: "1h" }],
  });

/** What connections have that are of TCP. */
const tcpWords = ["proxyProtocol", "originalDestination", "useOriginalDst", "bindToPort"] as const;

/** QUIC has TLS 1.3 inside, and no listener filters. */
export function refuseHttp3(
  written: {
    readonly http3?: z.infer<typeof http3Schema> | undefined;
    readonly protocol?: string | undefined;
    readonly tls?: { readonly maxVersion?: string | undefined } | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const { http3 = false, protocol, tls } = written;
  if (http3 === false) return;
  if (protocol !== "HTTPS") {
    const message = "`http3` belongs to HTTPS: there is no HTTP/3 without TLS";
    const hint = "write `protocol: HTTPS` and `tls: { secret: … }`, or remove `http3`";
    refuse(context, { code: "invalid-value", message, hint, path: ["http3"] });
    return;
  }
  for (const key of tcpWords) {
    if (!Object.hasOwn(written, key)) continue;
    const message = `\`${key}\` is about connections of TCP, and \`http3\` has none`;
    const hint = "remove one of the two, or write a listener without `http3` on another port";
    refuse(context, { code: "invalid-value", message, hint, path: [key] });
  }
  if (tls?.maxVersion !== undefined && tls.maxVersion !== "TLSv1_3") {
    const message = `\`http3\` needs TLS 1.3, and \`maxVersion\` is ${tls.maxVersion}`;
    const hint = "remove `maxVersion`, or `http3`";
    refuse(context, { code: "invalid-value", message, hint, path: ["tls", "maxVersion"] });
  }
}
