/**
 * `accessLogs` of a gateway: what is written down of each request, where, and of which requests.
 */
import * as z from "zod";
import { formatProblems } from "./refusals-format.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** Where logs go; exactly one of them. */
const sinks = ["stdout", "stderr", "file", "grpc", "openTelemetry"] as const;

const format = z.string({ error: "text" }).superRefine((text, context) => {
  for (const { message, hint } of formatProblems(text, [])) {
    refuse(context, { code: "invalid-value", message, ...(hint === undefined ? {} : { hint }) });
  }
});

const receiver = block({
  service: name.describe("The service that takes the logs; `protocol: grpc`."),
  subset: name.optional().describe("One subset of the service."),
});

export const accessLogSchema = block({
  stdout: z.literal(true).optional().describe("Envoy's standard output."),
  stderr: z.literal(true).optional().describe("Envoy's standard error."),
  file: scalar("text")
    .optional()
    .meta({
      description: "A file on the Envoy's machine; Envoy opens it again on SIGUSR1.",
      examples: ["/var/log/envoy/access.log"],
    }),
  grpc: receiver.optional().describe("Envoy's gRPC access log service."),
  openTelemetry: receiver.optional().describe("OpenTelemetry's log service over gRPC (OTLP)."),
  fields: z
    .record(scalar("text"), z.union([format, z.literal(false)]))
    .optional()
    .meta({
      description: "Beside the fields that there are anyway, in Envoy's formats; `false` leaves one out.",
      examples: [{ tenant: "%REQ(x-tenant)%", userAgent: false }],
    }),
  text: format.optional().meta({
    description: "A line of text in Envoy's formats, instead of JSON.",
    examples: ["%START_TIME% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %DURATION%"],
  }),
  only: block({
    errors: z.literal(true).optional().describe("Statuses from 500, gRPC errors, and what never got an answer."),
    slowerThan: scalar("positiveDuration").optional().describe("What took longer, from the first byte to the last."),
    percent: z.number().min(0).max(100).optional().describe("This share of all requests."),
  })
    .superRefine((value, context) => {
      if (Object.keys(value).length > 0) return;
      const hint = "write errors, slowerThan, percent or several of them";
      refuse(context, { code: "missing-key", message: "nothing would be logged", hint });
    })
    .optional()
    .meta({
      description: "Which requests are logged: those of which any of this is true; all when absent.",
      examples: [{ errors: true, slowerThan: "1s", percent: 1 }],
    }),
})
  .superRefine((value, context) => {
    const written = sinks.filter((sink) => value[sink] !== undefined);
    if (written.length !== 1) {
      const code = written.length === 0 ? "missing-key" : "invalid-value";
      const hint = written.length === 0 ? `write one of ${sinks.join(", ")}` : "make two logs of it";
      refuse(context, { code, message: `exactly one of ${sinks.join(", ")} is needed`, hint });
    }
    if (value.text !== undefined && value.fields !== undefined) {
      const hint = "keep one of them";
      refuse(context, { code: "invalid-value", message: "a line of text has no fields", hint, path: ["fields"] });
    }
    if (value.grpc === undefined) return;
    for (const key of ["text", "fields"] as const) {
      if (value[key] === undefined) continue;
      const message = "the gRPC access log service has a form of its own";
      const hint = "remove it, or send the logs by openTelemetry";
      refuse(context, { code: "invalid-value", message, hint, path: [key] });
    }
  })
  .meta({
    description: "What is written down of each request.",
    examples: [{ stdout: true, only: { errors: true, slowerThan: "1s", percent: 1 } }],
  });

export type AccessLogValue = z.infer<typeof accessLogSchema>;
