/**
 * The headers of a request as routes see them, and who the client is, after what the HttpConnectionManager does.
 */
import type { HeaderValueOptionJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { AskedRequest } from "./asked-request.ts";
import type { Setting } from "./explanation.ts";

type Headers = AskedRequest["headers"];

/** The headers, or why Envoy answers at once. */
export type RequestHeaders =
  | { readonly kind: "headers"; readonly headers: Headers }
  | { readonly kind: "refused"; readonly status: number; readonly because: string };

/** What Fairway packs into an HttpConnectionManager about clients; of others the fields are looked for too. */
interface Packed {
  readonly xffTrustedCidrs?: {
    readonly cidrs?: readonly { readonly addressPrefix?: string; readonly prefixLen?: number }[];
  };
  readonly headerName?: string;
  readonly rejectWithStatus?: object;
  readonly mutations?: readonly { readonly remove?: string; readonly append?: HeaderValueOptionJson }[];
}

/** Underscores are looked at while headers are read, then who the client is, then headers are changed. */
export function requestHeaders(asked: Headers, http: HttpConnectionManagerJson): RequestHeaders {
  const action = http.commonHttpProtocolOptions?.headersWithUnderscoresAction;
  const odd = asked.find(([name]) => name.includes("_"))?.[0];
  if (odd !== undefined && action === "REJECT_REQUEST") {
    const because = `the header ${odd} has an underscore in its name (headers_with_underscores_action)`;
    return { kind: "refused", status: 400, because };
  }
  const kept = action === "DROP_HEADER" ? asked.filter(([name]) => !name.includes("_")) : asked;
  for (const { headerName, rejectWithStatus } of packedIn(http.originalIpDetectionExtensions)) {
    if (headerName === undefined || rejectWithStatus === undefined || kept.some(([name]) => name === headerName))
      continue;
    return { kind: "refused", status: 403, because: `without the header ${headerName} nobody knows who the client is` };
  }
  return { kind: "headers", headers: mutationsOf(http).reduce(applyMutation, kept) };
}

/** Where the client's address comes from, when not from the connection, and what is changed before all else. */
export function describeClients(http: HttpConnectionManagerJson): readonly Setting[] {
  const hops = http.xffNumTrustedHops ?? 0;
  const detected = packedIn(http.originalIpDetectionExtensions).flatMap(
    ({ headerName, xffTrustedCidrs, rejectWithStatus }) => {
      if (headerName !== undefined)
        return [`the header ${headerName}${rejectWithStatus === undefined ? "" : ", else 403"}`];
      const ranges = (xffTrustedCidrs?.cidrs ?? []).map(
        ({ addressPrefix, prefixLen }) => `${addressPrefix}/${prefixLen ?? 0}`,
      );
      return ranges.length === 0 ? [] : [`the last address of x-forwarded-for that is not in ${ranges.join(", ")}`];
    },
  );
  const texts = hops > 0 ? [`the address ${hops} from the end of x-forwarded-for`] : detected;
  const changes = mutationsOf(http).map(({ remove, append }) =>
    remove === undefined ? `set ${append?.header?.key}: ${append?.header?.value}` : `remove ${remove}`,
  );
  return [
    ...texts.map((text) => ({ name: "client address", text })),
    ...changes.map((text) => ({ name: "early header", text })),
  ];
}

type Mutation = NonNullable<Packed["mutations"]>[number];

function applyMutation(headers: Headers, { remove, append }: Mutation): Headers {
  if (remove !== undefined) return headers.filter(([name]) => name !== remove.toLowerCase());
  const { key = "", value = "" } = append?.header ?? {};
  const added = [...headers, [key.toLowerCase(), value.replaceAll("%%", "%")] as const];
  if (append?.appendAction !== "OVERWRITE_IF_EXISTS_OR_ADD") return added;
  return added.filter(([name], index) => name !== key.toLowerCase() || index === added.length - 1);
}

function mutationsOf(http: HttpConnectionManagerJson): readonly Mutation[] {
  return packedIn(http.earlyHeaderMutationExtensions).flatMap(({ mutations }) => mutations ?? []);
}

function packedIn(extensions: HttpConnectionManagerJson["originalIpDetectionExtensions"]): readonly Packed[] {
  return (extensions ?? []).flatMap(({ typedConfig }) => (typedConfig === undefined ? [] : [typedConfig as Packed]));
}
