/**
 * `extProc`: a service of your own sees requests and answers on their way, and changes them.
 *
 * The words are those of Envoy Gateway's EnvoyExtensionPolicy.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, name, refuse, scalar } from "./schema-scalars.ts";

/** Requests and answers wait for what another service makes of them. */
export interface ExtProc {
  readonly service: string;
  readonly subset?: string;
  /** What the service is sent; absent means none of it. */
  readonly request?: ExtProcDirection;
  readonly response?: ExtProcDirection;
  /** Whether the service may ask for more or less of a request than is written here. */
  readonly allowModeOverride: boolean;
  /** For the answer to each message; Envoy's default when absent. */
  readonly messageTimeoutMs?: number;
  /** Whether requests go on when the service does not answer. */
  readonly failOpen: boolean;
  /** Namespaces of the request's metadata that the service is told. */
  readonly accessibleNamespaces: readonly string[];
  /** Those that it may write. */
  readonly writableNamespaces: readonly string[];
}

/** The headers of a request or answer are always sent with it. */
export interface ExtProcDirection {
  /** No body when absent. */
  readonly body?: ExtProcBody;
  /** Envoy's names. */
  readonly attributes: readonly string[];
}

const bodyModes = ["Streamed", "Buffered", "BufferedPartial", "FullDuplexStreamed"] as const;

export type ExtProcBody = (typeof bodyModes)[number];

/** Lists of names are sent with every request. */
const NAMES_MAX = 50;
/** What filters tell each other; a service that writes it would be believed like them. */
const filterNamespace = /^envoy\.filters\./;

const direction = block({
  body: z
    .enum(bodyModes)
    .optional()
    .meta({ description: "How the service gets the body; without it no body is sent.", examples: ["Buffered"] }),
  attributes: z
    .array(scalar("text"))
    .min(1)
    .max(NAMES_MAX)
    .optional()
    .meta({ description: "What else the service is told, in Envoy's names.", examples: [["request.id"]] }),
});

const namespaces = z.array(scalar("text")).min(1).max(NAMES_MAX);

const schema = block({
  service: name.describe(
    "The service, which speaks envoy.service.ext_proc.v3 over gRPC: its protocol is grpc or http2.",
  ),
  subset: name.optional().describe("One subset of the service."),
  processingMode: block({
    request: direction.optional().describe("The headers of requests are sent, and what is said here."),
    response: direction.optional().describe("The headers of answers are sent, and what is said here."),
    allowModeOverride: z.boolean().optional().describe("The service may ask for more or less of a request."),
  })
    .optional()
    .meta({
      description: "What the service is sent; the headers of requests and answers when absent.",
      examples: [{ request: { body: "Buffered" }, response: {} }],
    }),
  messageTimeout: scalar("positiveDuration")
    .optional()
    .describe("How long the service may take for each message; 200ms when absent."),
  failOpen: z.boolean().optional().describe("Lets requests go on as they are when the service does not answer."),
  metadata: block({
    accessibleNamespaces: namespaces.optional().describe("Dynamic metadata that the service is told."),
    writableNamespaces: namespaces.optional().describe("Dynamic metadata that the service may write."),
  })
    .optional()
    .meta({
      description: "Dynamic metadata of requests, by namespace.",
      examples: [{ accessibleNamespaces: ["envoy.filters.http.jwt_authn"] }],
    }),
})
  .superRefine(({ processingMode, failOpen, metadata }, context) => {
    const { request, response } = processingMode ?? {};
    if (processingMode !== undefined && request === undefined && response === undefined) {
      const hint = "write `request: {}` or `response: {}`, or leave `processingMode` out to send both";
      const message = "the service would be sent nothing";
      refuse(context, { code: "missing-key", message, hint, path: ["processingMode"] });
    }
    const duplex = request?.body === "FullDuplexStreamed" || response?.body === "FullDuplexStreamed";
    if (duplex && failOpen === true) {
      const message = "with a body in `FullDuplexStreamed` Envoy has nothing left that could go on without the service";
      const hint = "remove it, or take `Streamed` or `Buffered`";
      refuse(context, { code: "invalid-value", message, hint, path: ["failOpen"] });
    }
    for (const [index, namespace] of (metadata?.writableNamespaces ?? []).entries()) {
      if (!filterNamespace.test(namespace)) continue;
      const message = `"${namespace}" is written by a filter of Envoy's, which others believe`;
      const path = ["metadata", "writableNamespaces", index];
      refuse(context, { code: "invalid-value", message, hint: "choose a name of your own", path });
    }
  })
  .meta({
    description: "A service of your own sees requests and answers on their way, and changes them.",
    examples: [{ service: "translator", processingMode: { response: { body: "Buffered" } }, messageTimeout: "1s" }],
  });

export const extProc = filterPart({
  schema,
  build: (value): ExtProc => {
    const { service, subset, processingMode, messageTimeout, failOpen, metadata } = value;
    const { request, response, allowModeOverride } = processingMode ?? { request: {}, response: {} };
    return {
      service,
      ...(subset === undefined ? {} : { subset }),
      ...(request === undefined ? {} : { request: buildDirection(request) }),
      ...(response === undefined ? {} : { response: buildDirection(response) }),
      allowModeOverride: allowModeOverride ?? false,
      ...(messageTimeout === undefined ? {} : { messageTimeoutMs: durationMs(messageTimeout) }),
      failOpen: failOpen ?? false,
      accessibleNamespaces: metadata?.accessibleNamespaces ?? [],
      writableNamespaces: metadata?.writableNamespaces ?? [],
    };
  },
  names: [{ section: "services", at: [] }],
  services: ({ service }) => [service],
});

function buildDirection({ body, attributes }: z.infer<typeof direction>): ExtProcDirection {
  return { ...(body === undefined ? {} : { body }), attributes: attributes ?? [] };
}
