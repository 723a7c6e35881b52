/**
 * The fields of an HttpConnectionManager about who a client is, and which paths and headers it may send.
 *
 * Without a word about it the client is who connects, and its `x-forwarded-for` is appended to, not believed; paths
 * are normalised, because `/a/../admin` and `//admin` are matched as what the backend will take them for.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for
 */
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { HeaderChanges } from "../model/intent-filter.ts";
import type { ClientDetection, ClientTraffic } from "../model/intent-gateway.ts";
import { cidrRange } from "./cidr-range.ts";
import { translateHeaders } from "./header-changes.ts";
import { packAny } from "./pack-any.ts";

const http = "envoy.extensions.http";

const slashActions = {
  KeepUnchanged: "KEEP_UNCHANGED",
  RejectRequest: "REJECT_REQUEST",
  UnescapeAndForward: "UNESCAPE_AND_FORWARD",
  UnescapeAndRedirect: "UNESCAPE_AND_REDIRECT",
} as const;

const underscoreActions = { Allow: "ALLOW", RejectRequest: "REJECT_REQUEST", DropHeader: "DROP_HEADER" } as const;

/** Whether Envoy makes an id, and whether it keeps one that comes from outside. */
const requestIds = {
  PreserveOrGenerate: { generateRequestId: true, preserveExternalRequestId: true },
  Preserve: { generateRequestId: false, preserveExternalRequestId: true },
  Generate: { generateRequestId: true, preserveExternalRequestId: false },
  Disable: { generateRequestId: false, preserveExternalRequestId: false },
} as const;

/** All of them but those of the protocol options. */
export function translateClientTraffic(traffic: ClientTraffic): HttpConnectionManagerJson {
  const { escapedSlashesAction, requestID, serverHeader, earlyRequestHeaders: early } = traffic;
  return {
    ...translateDetection(traffic.detection),
    normalizePath: true,
    mergeSlashes: traffic.disableMergeSlashes !== true,
    ...(escapedSlashesAction === undefined ? {} : { pathWithEscapedSlashesAction: slashActions[escapedSlashesAction] }),
    ...(requestID === undefined ? {} : requestIds[requestID]),
    ...(serverHeader === undefined ? {} : { serverHeaderTransformation: serverHeader }),
    ...translateClientCert(traffic.xForwardedClientCert),
    ...(early === undefined ? {} : { earlyHeaderMutationExtensions: [earlyMutation(early)] }),
  };
}

const certModes = {
  Sanitize: "SANITIZE",
  ForwardOnly: "FORWARD_ONLY",
  AppendForward: "APPEND_FORWARD",
  SanitizeSet: "SANITIZE_SET",
  AlwaysForwardOnly: "ALWAYS_FORWARD_ONLY",
} as const;

/** Envoy's default takes the header away, so that nobody can claim to be anybody. */
function translateClientCert(written: ClientTraffic["xForwardedClientCert"]): HttpConnectionManagerJson {
  if (written === undefined) return {};
  const added = (written.certDetailsToAdd ?? []).map((detail) => [detail.toLowerCase(), true] as const);
  return {
    forwardClientCertDetails: certModes[written.mode],
    ...(added.length === 0 ? {} : { setCurrentClientCertDetails: Object.fromEntries(added) }),
  };
}

/** A part of the protocol options that all versions of HTTP have in common. */
export function translateUnderscores({
  withUnderscoresAction: action,
}: ClientTraffic): Pick<
  NonNullable<HttpConnectionManagerJson["commonHttpProtocolOptions"]>,
  "headersWithUnderscoresAction"
> {
  return action === undefined ? {} : { headersWithUnderscoresAction: underscoreActions[action] };
}

function translateDetection(detection: ClientDetection | undefined): HttpConnectionManagerJson {
  if (detection === undefined) return { useRemoteAddress: true };
  switch (detection.kind) {
    case "hops":
      return { useRemoteAddress: true, xffNumTrustedHops: detection.count };
    case "ranges":
      return detectedBy("xff", {
        xffTrustedCidrs: { cidrs: detection.ranges.map(cidrRange) },
        // As without it: who connected stands at the end, for the backend.
        skipXffAppend: false,
      });
    case "header":
      return detectedBy("custom_header", {
        headerName: detection.name,
        ...(detection.failClosed ? { rejectWithStatus: { code: "Forbidden" } } : {}),
      });
  }
}

function detectedBy(kind: "xff" | "custom_header", fields: object): HttpConnectionManagerJson {
  const type = kind === "xff" ? "xff.v3.XffConfig" : "custom_header.v3.CustomHeaderConfig";
  const typedConfig = packAny(`${http}.original_ip_detection.${type}`, fields);
  return {
    useRemoteAddress: false,
    originalIpDetectionExtensions: [{ name: `envoy.http.original_ip_detection.${kind}`, typedConfig }],
  };
}

function earlyMutation(
  requestHeaders: HeaderChanges,
): NonNullable<HttpConnectionManagerJson["earlyHeaderMutationExtensions"]>[number] {
  const { requestHeadersToAdd = [], requestHeadersToRemove = [] } = translateHeaders({ requestHeaders });
  const typedConfig = packAny(`${http}.early_header_mutation.header_mutation.v3.HeaderMutation`, {
    mutations: [
      ...requestHeadersToRemove.map((remove) => ({ remove })),
      ...requestHeadersToAdd.map((append) => ({ append })),
    ],
  });
  return { name: "envoy.http.early_header_mutation.header_mutation", typedConfig };
}
