/**
 * `fault`: delays and errors that are made on purpose, to see what callers do then.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, count, refuse, scalar } from "./schema-scalars.ts";

/** What is done to a share of the requests; both may happen to one. */
export interface Fault {
  readonly delay?: { readonly fixedMs: number; readonly percent: number };
  readonly abort?: {
    readonly answer:
      | { readonly kind: "http"; readonly status: number }
      | { readonly kind: "grpc"; readonly status: number };
    readonly percent: number;
  };
  /** Only requests with these headers and values. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** How many requests may be affected at once; any number when absent. */
  readonly maxActive?: number;
}

const GRPC_STATUS_MAX = 16;

const percent = z.number().min(0).max(100);

const schema = block({
  delay: block({
    fixed: scalar("positiveDuration").describe("How long the request waits before it goes on."),
    percent: percent.optional().meta({ description: "Of the requests; all of them when absent." }),
  })
    .optional()
    .meta({ description: "Makes requests wait.", examples: [{ fixed: "2s", percent: 10 }] }),
  abort: block({
    status: z.int().min(200).max(599).optional().describe("The HTTP status of the answer."),
    grpcStatus: z.int().min(0).max(GRPC_STATUS_MAX).optional().describe("The gRPC status of the answer."),
    percent: percent.optional().meta({ description: "Of the requests; all of them when absent." }),
  })
    .superRefine((value, context) => {
      if ((value.status === undefined) !== (value.grpcStatus === undefined)) return;
      const code = value.status === undefined ? "missing-key" : "invalid-value";
      const hint = value.status === undefined ? "write one of them, such as `status: 503`" : "keep one of them";
      refuse(context, { code, message: "exactly one of status, grpcStatus is needed", hint });
    })
    .optional()
    .meta({ description: "Answers without asking a backend.", examples: [{ status: 503, percent: 1 }] }),
  headers: z
    .record(scalar("headerName"), scalar("headerValue"))
    .optional()
    .meta({
      description: "Only requests with all of these headers; all requests when absent.",
      examples: [{ "x-chaos": "on" }],
    }),
  maxActive: count.optional().describe("How many requests may be affected at once."),
})
  .superRefine((value, context) => {
    if (value.delay !== undefined || value.abort !== undefined) return;
    const hint = "write `delay`, `abort` or both; to keep a policy's away write `fault: none`";
    refuse(context, { code: "missing-key", message: "a fault must do something", hint });
  })
  .meta({
    description: "Delays and errors that are made on purpose.",
    examples: [{ delay: { fixed: "2s", percent: 10 }, abort: { status: 503, percent: 1 } }],
  });

export const fault = filterPart({
  schema,
  build: ({ delay, abort, headers, maxActive }): Fault => ({
    ...(delay === undefined ? {} : { delay: { fixedMs: durationMs(delay.fixed), percent: delay.percent ?? 100 } }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            answer:
              abort.grpcStatus === undefined
                ? { kind: "http", status: abort.status ?? 503 }
                : { kind: "grpc", status: abort.grpcStatus },
            percent: abort.percent ?? 100,
          },
        }),
    headers: Object.entries(headers ?? {})
      .map(([name, value]) => ({ name: name.toLowerCase(), value }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ...(maxActive === undefined ? {} : { maxActive }),
  }),
});
