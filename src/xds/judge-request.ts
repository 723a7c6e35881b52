/**
 * What a request may ask for, and how much a stream may hold of it.
 */
import type { StatusCode } from "../grpc/status.ts";
import { status } from "../grpc/status.ts";
import type { DecodedRequest } from "./decode-request.ts";
import { NAMES_MAX } from "./decode-request.ts";
import type { Demand, StreamState } from "./stream-state.ts";

/** Why a stream ends. */
export interface Refusal {
  readonly code: StatusCode;
  readonly reason: string;
}

/** Envoy's own limit for what it puts into statistics is far below; a URL is at most about as long. */
const NAME_CHARS_MAX = 2_048;

/** The request as it is meant, with its type, or why the stream must end. `onlyType` is that of the service, if it has one. */
export function judgeRequest(
  { demand, namesCount }: DecodedRequest,
  onlyType: string | undefined,
): { readonly demand: Demand } | { readonly refusal: Refusal } {
  const typeUrl = demand.typeUrl || onlyType;
  if (namesCount > NAMES_MAX) {
    return refused(status.RESOURCE_EXHAUSTED, `a request may name at most ${NAMES_MAX} resources`);
  }
  if (typeUrl === undefined) {
    return refused(status.INVALID_ARGUMENT, "type_url is required on an aggregated stream");
  }
  if (onlyType !== undefined && typeUrl !== onlyType) {
    return refused(status.INVALID_ARGUMENT, `this service is for ${onlyType} only; ADS is for several types`);
  }
  if (!hasShortNames(demand)) {
    return refused(status.INVALID_ARGUMENT, `a resource name may have at most ${NAME_CHARS_MAX} characters`);
  }
  return { demand: demand.typeUrl === typeUrl ? demand : { ...demand, typeUrl } };
}

/** After a step: a delta client can add names with every request. */
export function judgeHoldings(state: StreamState, typeUrl: string): Refusal | undefined {
  const names = state.types.get(typeUrl)?.subscription.names.size ?? 0;
  if (names <= NAMES_MAX) return undefined;
  return { code: status.RESOURCE_EXHAUSTED, reason: `a stream may subscribe to at most ${NAMES_MAX} names of a type` };
}

/** Demands that are handed out again are looked at once. */
const known = new WeakSet<Demand>();

function hasShortNames(demand: Demand): boolean {
  // What a client says that it holds is what it was sent, and is not kept: only the size of the message bounds it.
  if (demand.variant === "delta" && demand.subscribe.length + demand.unsubscribe.length === 0) return true;
  const lists = demand.variant === "sotw" ? [demand.names] : [demand.subscribe, demand.unsubscribe];
  if (known.has(demand)) return true;
  const areShort = lists.every((names) => names.every((name) => name.length <= NAME_CHARS_MAX));
  // Short lists are looked through faster than they are remembered.
  if (areShort && lists.some((names) => names.length > 16)) known.add(demand);
  return areShort;
}

function refused(code: StatusCode, reason: string): { readonly refusal: Refusal } {
  return { refusal: { code, reason } };
}
