/**
 * `discovery` of a service: where its hosts come from when nobody writes them down.
 */
import * as z from "zod";
import { isIpAddress, parseDnsAddress } from "./address.ts";
import { durationMs, positiveDurationPattern } from "./duration.ts";
import { block, port, refuse, scalar } from "./schema-scalars.ts";

/** Every Envoy of the fleet asks at this pace, each for each of its services. */
const REFRESH_MIN_MS = 1_000;

const dnsAddress = z
  .string({ error: "text" })
  .superRefine((text, context) => {
    const parsed = parseDnsAddress(text);
    if (!parsed.ok) refuse(context, { code: "invalid-value", ...parsed.error });
  })
  .meta({ examples: ["db.internal:5432"] });

const dnsName = scalar("dnsName").superRefine((text, context) => {
  if (!isIpAddress(text)) return;
  const hint = "write it under `endpoints`, with its port";
  refuse(context, { code: "invalid-value", message: `"${text}" is an IP address`, hint });
});

const refresh = scalar("positiveDuration").superRefine((text, context) => {
  // A text that is no duration has been refused, and is refined all the same.
  if (!positiveDurationPattern.test(text) || durationMs(text) >= REFRESH_MIN_MS) return;
  const message = "`refresh` must be at least 1s";
  refuse(context, { code: "invalid-value", message, hint: "the DNS servers are asked by every Envoy" });
});

const dns = z
  .union([
    dnsAddress,
    block({
      name: dnsName.describe("The name to look up."),
      port: port.describe("The port of every address."),
      mode: z.enum(["strict", "logical"]).optional().meta({
        description:
          "strict, the default: every address is a host. logical: all are one host, for names with many addresses.",
      }),
      refresh: refresh.optional().meta({ description: "How often to ask; when the answer expires if absent." }),
      family: z.enum(["v4", "v6", "v4-preferred", "v6-preferred", "all"]).optional().meta({
        description: "Which addresses to use; v4-preferred when absent: those of IPv6 only if there are no others.",
      }),
    }),
  ])
  .meta({
    description: "A name that Envoy itself looks up.",
    examples: ["db.internal:5432", { name: "db.internal", port: 5432, refresh: "30s" }],
  });

/** etcd takes longer keys; these are read by people. */
const PREFIX_CHARS_MAX = 512;

const etcd = block({
  prefix: z
    .string({ error: "text" })
    .superRefine((text, context) => {
      const isFit = text.startsWith("/") && text.endsWith("/") && text.length > 1 && text.length <= PREFIX_CHARS_MAX;
      if (isFit) return;
      const message = "`prefix` must begin and end with `/`";
      refuse(context, { code: "invalid-value", message, hint: "write `/services/<name>/`, or leave it out" });
    })
    .optional()
    .meta({ description: "The keys of its instances begin with this; `/services/<name of the service>/` if absent." }),
}).meta({
  description: "Instances that register in etcd, each under a key of its own: `fairway serve --etcd`.",
  examples: [{}, { prefix: "/services/reviews/" }],
});

const originalDestination = block({
  port: port.optional().meta({ description: "Instead of the port that the connection wanted to." }),
}).meta({
  description:
    "Wherever the connection wanted to go before the firewall led it here, at a listener with `originalDestination`, `useOriginalDst` or `bindToPort: false`.",
  examples: [{}, { port: 8080 }],
});

export const discoverySchema = block({
  dns: dns.optional(),
  etcd: etcd.optional(),
  originalDestination: originalDestination.optional(),
}).meta({
  description: "Where hosts come from, instead of `endpoints`.",
  examples: [{ dns: "db.internal:5432" }, { etcd: {} }, { originalDestination: {} }],
  oneOf: [{ required: ["dns"] }, { required: ["etcd"] }, { required: ["originalDestination"] }],
});
