/**
 * `extAuth`: a service of your own is asked whether a request may go on.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** Each request waits for the answer of another service. */
export interface ExtAuth {
  readonly server: AuthServer;
  /** Envoy's default when absent. */
  readonly timeoutMs?: number;
  /** Whether requests go on when no answer comes. */
  readonly failOpen: boolean;
  /** What is answered when no answer comes; 403 when absent. */
  readonly statusOnError?: ErrorStatus;
  /** Request headers that the service is told, in lower case; absent means Envoy's own choice. */
  readonly headersToExtAuth?: readonly string[];
  readonly body?: { readonly maxBytes: number; readonly allowPartial: boolean };
}

export type AuthServer = { readonly service: string; readonly subset?: string } & (
  | { readonly kind: "grpc" }
  | {
      readonly kind: "http";
      readonly pathPrefix?: string;
      /** Headers of its answer that backends get; what the client sent under the name is replaced. */
      readonly headersToBackend: readonly string[];
      /** Headers of its answer that clients get beside the backend's. */
      readonly headersToClient: readonly string[];
    }
);

const errorStatuses = [400, 401, 403, 404, 429, 500, 502, 503, 504] as const;

export type ErrorStatus = (typeof errorStatuses)[number];

/** What Envoy holds of each request at once; more than its buffers are made for makes it run out of memory. */
const BODY_BYTES_MAX = 1_048_576;

const server = {
  service: name.describe("The service that is asked."),
  subset: name.optional().describe("One subset of the service."),
};

const headerList = z.array(scalar("headerName")).min(1);

const schema = block({
  grpc: block(server)
    .optional()
    .meta({ description: "It speaks envoy.service.auth.v3.Authorization.", examples: [{ service: "opa" }] }),
  http: block({
    ...server,
    pathPrefix: scalar("urlPath").optional().describe("What stands before the path when the service is asked."),
    headersToBackend: headerList.optional().describe("Headers of its answer that backends get."),
    headersToClient: headerList.optional().describe("Headers of its answer that clients get when the request goes on."),
  })
    .optional()
    .meta({
      description: "It gets the request without its body, and lets it go on by the status 200.",
      examples: [{ service: "auth", pathPrefix: "/check", headersToBackend: ["x-user"] }],
    }),
  timeout: scalar("positiveDuration")
    .optional()
    .meta({ description: "How long an answer may take; 200ms when absent." }),
  failOpen: z.boolean().optional().describe("Lets requests through when no answer comes."),
  statusOnError: z
    .union(errorStatuses.map((status) => z.literal(status)))
    .optional()
    .meta({ description: "The status when no answer comes; 403 when absent." }),
  headersToExtAuth: headerList.optional().describe("Request headers that the service is told."),
  bodyToExtAuth: block({
    maxRequestBytes: z.int().min(1).max(BODY_BYTES_MAX).describe("How much of the body is told."),
    allowPartial: z
      .boolean()
      .optional()
      .describe("Tells the beginning of a longer body; without it such requests are answered 413."),
  })
    .optional()
    .meta({ description: "Tells the service the body too.", examples: [{ maxRequestBytes: 8192 }] }),
})
  .superRefine((value, context) => {
    const written = (["grpc", "http"] as const).filter((key) => value[key] !== undefined);
    if (written.length !== 1) {
      const code = written.length === 0 ? "missing-key" : "invalid-value";
      const hint = written.length === 0 ? "for example `grpc: { service: … }`" : "keep one of them";
      refuse(context, { code, message: "exactly one of grpc, http is needed", hint });
    }
    if (value.failOpen === true && value.statusOnError !== undefined) {
      const message = "with `failOpen` no request is answered for want of an answer";
      refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: ["statusOnError"] });
    }
  })
  .meta({
    description: "A service of your own is asked whether a request may go on.",
    examples: [{ grpc: { service: "opa" }, timeout: "500ms" }],
  });

export const extAuth = filterPart({
  schema,
  build: (value): ExtAuth => {
    const { timeout, statusOnError, headersToExtAuth, bodyToExtAuth: body } = value;
    return {
      server: buildServer(value),
      ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
      failOpen: value.failOpen ?? false,
      ...(statusOnError === undefined ? {} : { statusOnError }),
      ...(headersToExtAuth === undefined ? {} : { headersToExtAuth: lowerCase(headersToExtAuth) }),
      ...(body === undefined
        ? {}
        : { body: { maxBytes: body.maxRequestBytes, allowPartial: body.allowPartial ?? false } }),
    };
  },
  names: [
    { section: "services", at: ["grpc"] },
    { section: "services", at: ["http"] },
  ],
  services: (settings) => [settings.server.service],
});

function buildServer({ grpc, http }: z.infer<typeof schema>): AuthServer {
  const { service = "", subset } = grpc ?? http ?? {};
  const named = subset === undefined ? { service } : { service, subset };
  if (http === undefined) return { kind: "grpc", ...named };
  return {
    kind: "http",
    ...named,
    ...(http.pathPrefix === undefined ? {} : { pathPrefix: http.pathPrefix }),
    headersToBackend: lowerCase(http.headersToBackend ?? []),
    headersToClient: lowerCase(http.headersToClient ?? []),
  };
}

function lowerCase(names: readonly string[]): readonly string[] {
  return names.map((header) => header.toLowerCase());
}
