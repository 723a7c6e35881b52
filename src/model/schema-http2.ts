/**
 * `http2` of a listener: what clients may do over HTTP/2 that they may not otherwise.
 */
import * as z from "zod";
import { block, refuse } from "./schema-scalars.ts";

export const http2Schema = block({
  extendedConnect: z.boolean().optional().meta({
    description:
      "WebSockets, and other `upgrades` that rules allow, come over HTTP/2 too (RFC 8441); only over HTTP/1.1 when absent.",
  }),
}).meta({
  description: "What clients may do over HTTP/2; of HTTP and HTTPS.",
  examples: [{ extendedConnect: true }],
});

/** HTTP/2 where it is spoken, and where it can be. */
export function refuseHttp2(
  {
    http2,
    protocol = "HTTP",
    tls,
  }: {
    readonly http2?: object | undefined;
    readonly protocol?: string | undefined;
    readonly tls?: { readonly alpn?: readonly string[] | undefined } | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  if (http2 === undefined) return;
  if (protocol !== "HTTP" && protocol !== "HTTPS") {
    const message = `\`http2\` belongs to HTTP and HTTPS, and the listener is of ${protocol}`;
    const hint = "remove it, or write `protocol: HTTPS`";
    refuse(context, { code: "invalid-value", message, hint, path: ["http2"] });
  } else if (tls?.alpn !== undefined && !tls.alpn.includes("h2")) {
    const message = "`http2` has no effect: `alpn` does not offer `h2`, so that no client speaks it";
    const hint = "write `alpn: [h2, http/1.1]`, or remove one of the two";
    refuse(context, { code: "invalid-value", message, hint, path: ["http2"] });
  }
}
