/**
 * A service that sees and changes what passes: envoy.filters.http.ext_proc.
 *
 * Some of its settings stand in the chain alone, so there is one filter for each policy.
 */
import type { ExternalProcessorJson } from "../gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.d.ts";
import type {
  ProcessingMode_BodySendModeJson,
  ProcessingModeJson,
} from "../gen/envoy/extensions/filters/http/ext_proc/v3/processing_mode_pb.d.ts";
import type { ExtProc, ExtProcBody } from "../model/filter-ext-proc.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** Envoy's default. */
const messageTimeoutMsDefault = 200;

export const extProcFilter = httpFilter({
  name: "envoy.filters.http.ext_proc",
  part: "extProc",
  chain: {
    one: "each",
    config: (extProc) =>
      packAny("envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", externalProcessor(extProc)),
  },
});

function externalProcessor(extProc: ExtProc): ExternalProcessorJson {
  const { service, subset, request, response, accessibleNamespaces, writableNamespaces } = extProc;
  const metadataOptions = {
    ...(accessibleNamespaces.length === 0 ? {} : { forwardingNamespaces: { untyped: accessibleNamespaces } }),
    ...(writableNamespaces.length === 0 ? {} : { receivingNamespaces: { untyped: writableNamespaces } }),
  };
  return {
    // The name of a subset's cluster is none that a server would take for a host.
    grpcService: { envoyGrpc: { clusterName: clusterName(service, subset), authority: service } },
    ...(extProc.failOpen ? { failureModeAllow: true } : {}),
    processingMode: processingMode(extProc),
    ...(request === undefined || request.attributes.length === 0 ? {} : { requestAttributes: request.attributes }),
    ...(response === undefined || response.attributes.length === 0 ? {} : { responseAttributes: response.attributes }),
    messageTimeout: duration(extProc.messageTimeoutMs ?? messageTimeoutMsDefault),
    ...(extProc.allowModeOverride ? { allowModeOverride: true } : {}),
    ...(Object.keys(metadataOptions).length === 0 ? {} : { metadataOptions }),
  };
}

/** Trailers go along where the body's end is otherwise not told: Envoy demands it. */
function processingMode({ request, response }: ExtProc): ProcessingModeJson {
  return {
    requestHeaderMode: request === undefined ? "SKIP" : "SEND",
    responseHeaderMode: response === undefined ? "SKIP" : "SEND",
    ...(request?.body === undefined ? {} : { requestBodyMode: bodyModes[request.body] }),
    ...(response?.body === undefined ? {} : { responseBodyMode: bodyModes[response.body] }),
    ...(request?.body === "FullDuplexStreamed" ? { requestTrailerMode: "SEND" } : {}),
    ...(response?.body === "FullDuplexStreamed" ? { responseTrailerMode: "SEND" } : {}),
  };
}

const bodyModes: Readonly<Record<ExtProcBody, ProcessingMode_BodySendModeJson>> = {
  Streamed: "STREAMED",
  Buffered: "BUFFERED",
  BufferedPartial: "BUFFERED_PARTIAL",
  FullDuplexStreamed: "FULL_DUPLEX_STREAMED",
};
