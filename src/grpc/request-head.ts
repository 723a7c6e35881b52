/**
 * What the headers of a request say: which method is called, or why nothing can be.
 */
import type { IncomingHttpHeaders } from "node:http2";
import type { StatusCode } from "./status.ts";
import { status } from "./status.ts";

/** A call, a refusal in gRPC's words, or one in HTTP's for who does not speak gRPC. */
export type RequestHead =
  | { readonly kind: "call"; readonly path: string; readonly timeoutMs: number | undefined }
  | { readonly kind: "refused"; readonly code: StatusCode; readonly details: string }
  | { readonly kind: "not-grpc"; readonly httpStatus: 405 | 415 };

/** `grpc-timeout` has at most eight digits and a unit. */
const unitsMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 } as const;

/** Timers count to 2^31 - 1 ms; a call that may take longer has no deadline that matters. */
const TIMEOUT_MS_MAX = 2_147_483_647;

/** Reads the headers that open a stream. */
export function readRequestHead(headers: IncomingHttpHeaders): RequestHead {
  if (headers[":method"] !== "POST") return { kind: "not-grpc", httpStatus: 405 };
  if (!isGrpc(headers["content-type"])) return { kind: "not-grpc", httpStatus: 415 };
  if (headers["te"] !== "trailers") {
    // The specification has it to find proxies that drop trailers: the status would never arrive.
    return refused(status.INTERNAL, 'the header "te: trailers" is missing; is there a proxy that drops it?');
  }
  const timeout = headers["grpc-timeout"];
  if (timeout === undefined) return { kind: "call", path: headers[":path"] ?? "", timeoutMs: undefined };
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(timeout)) ?? [];
  if (digits === undefined) return refused(status.INTERNAL, "grpc-timeout is malformed");
  const timeoutMs = Math.min(Math.ceil(Number(digits) * unitsMs[unit as keyof typeof unitsMs]), TIMEOUT_MS_MAX);
  return { kind: "call", path: headers[":path"] ?? "", timeoutMs };
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:\+proto)?\s*(?:;|$)/i.test(contentType);
}

function refused(code: StatusCode, details: string): RequestHead {
  return { kind: "refused", code, details };
}
