/**
 * `bandwidthLimit`: how fast bodies of requests and answers flow, all of a rule together.
 *
 * Nothing is refused: what comes faster waits, and Envoy lets no more in meanwhile.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, refuse, scalar } from "./schema-scalars.ts";

/** At least one direction. */
export interface BandwidthLimit {
  readonly request?: FlowLimit;
  readonly response?: FlowLimit & {
    /** Tell clients how long they waited. */
    readonly trailers: boolean;
  };
}

/** One direction. */
export interface FlowLimit {
  /** KiB each second. */
  readonly limitKibps: number;
  readonly fillIntervalMs: number;
}

/** Envoy's default. */
const fillIntervalMs = 50;
/** Envoy's bounds. */
const FILL_INTERVAL_MIN_MS = 20;
const FILL_INTERVAL_MAX_MS = 1_000;
/** About 100 GiB each second, beyond any network card. */
const KBPS_MAX = 100_000_000;

const flow = {
  limitKbps: z
    .int()
    .min(1)
    .max(KBPS_MAX)
    .meta({
      description: "KiB each second (1024 bytes), as Envoy counts, of all requests together.",
      examples: [1024],
    }),
  fillInterval: scalar("duration")
    .optional()
    .meta({ description: "How often the bucket is filled: 20ms to 1s; 50ms." }),
};

const schema = block({
  request: block(flow).superRefine(checkFlow).optional().describe("What clients send."),
  response: block({
    ...flow,
    trailers: z
      .boolean()
      .optional()
      .meta({ description: "Trailers of the answer say how long it waited (bandwidth-response-delay-ms); false." }),
  })
    .superRefine(checkFlow)
    .optional()
    .describe("What clients get."),
})
  .superRefine(({ request, response }, context) => {
    if (request !== undefined || response !== undefined) return;
    const hint = "write `response: { limitKbps: 1024 }`, `request`, or both";
    refuse(context, { code: "missing-key", message: "a limit for neither direction limits nothing", hint });
  })
  .meta({
    description: "How fast bodies flow: each Envoy counts for itself, and each rule.",
    examples: [{ response: { limitKbps: 1024 } }],
  });

type WrittenFlow = z.infer<z.ZodObject<typeof flow>>;

export const bandwidthLimit = filterPart({
  schema,
  build: ({ request, response }): BandwidthLimit => ({
    ...(request === undefined ? {} : { request: buildFlow(request) }),
    ...(response === undefined ? {} : { response: { ...buildFlow(response), trailers: response.trailers ?? false } }),
  }),
});

function buildFlow({ limitKbps, fillInterval }: WrittenFlow): FlowLimit {
  return {
    limitKibps: limitKbps,
    fillIntervalMs: fillInterval === undefined ? fillIntervalMs : durationMs(fillInterval),
  };
}

function checkFlow({ fillInterval }: WrittenFlow, context: z.core.$RefinementCtx): void {
  if (fillInterval === undefined) return;
  const ms = durationMs(fillInterval);
  if (ms >= FILL_INTERVAL_MIN_MS && ms <= FILL_INTERVAL_MAX_MS) return;
  const message = `Envoy fills a bucket every 20ms at most and every second at least, not every ${fillInterval}`;
  refuse(context, { code: "invalid-value", message, hint: "write 20ms to 1s", path: ["fillInterval"] });
}
