/**
 * A failure of the environment: a port that is taken, a disk that is full, a tool that is missing.
 *
 * The message is led by the code, because terminals and logs often show nothing but the message, and it
 * ends with the way out where there is one.
 */
export class FairwayError extends Error {
  readonly code: FairwayErrorCode;

  constructor(code: FairwayErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(`[${code}] ${message}`, options);
    this.name = "FairwayError";
    this.code = code;
  }
}

/** Every failure of the environment that Fairway names. */
export type FairwayErrorCode =
  | "PORT_IN_USE"
  | "LISTEN_FAILED"
  | "INSECURE_LISTEN"
  | "TLS_UNREADABLE"
  | "STATE_UNWRITABLE"
  | "STATE_UNREADABLE"
  | "CONFIG_UNREADABLE"
  | "OUTPUT_UNWRITABLE"
  | "BUILD_FAILED"
  | "BUILD_TIMEOUT"
  | "API_SET_UNREADABLE"
  | "ADMIN_UNREACHABLE"
  | "ETCD_FAILED"
  | "ENVOY_FAILED";
