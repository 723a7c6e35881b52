/**
 * The status codes of gRPC, and a status as trailers of HTTP/2.
 *
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
 */

/** Every code there is, under the name that the specification gives it. */
export const status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusCode = (typeof status)[keyof typeof status];

/** Clients take 8 KB of headers in all, and a byte may become three. */
const DETAILS_BYTES_MAX = 1_024;

/** The trailers that end a call; `details` may be any text. */
export function statusTrailers(code: StatusCode, details: string): { readonly [name: string]: string } {
  return {
    "grpc-status": String(code),
    ...(details === "" ? {} : { "grpc-message": percentEncode(details) }),
  };
}

/** All but printable ASCII, and `%` itself, as `%XX` of its UTF-8 bytes; cut where it would be too long. */
function percentEncode(text: string): string {
  const bytes = Buffer.from(text.slice(0, DETAILS_BYTES_MAX), "utf8");
  let encoded = "";
  for (const byte of bytes) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCodePoint(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
