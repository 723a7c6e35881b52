/**
 * What can go wrong with etcd, in the few kinds that make a difference to whoever asked.
 */
import { status } from "@grpc/grpc-js";

/**
 * - `unavailable`: no member answered in time, or none that has a leader; a write may have happened.
 * - `untrusted`: no connection comes about, because of a certificate that is not valid, ours or theirs.
 * - `denied`: etcd knows who asks and says no, or does not take the name and password.
 * - `compacted`: the revision that was asked for is not kept any more.
 * - `full`: etcd has raised its alarm for space and takes no writes.
 * - `too-large`: more in one request than etcd takes.
 * - `newer`: what is there was written by a newer Fairway, and this one must not write beside it.
 * - `refused`: anything else that etcd did not want to do; its words tell.
 */
export type EtcdErrorKind =
  | "unavailable"
  | "denied"
  | "compacted"
  | "full"
  | "too-large"
  | "newer"
  | "refused"
  | "untrusted";

export class EtcdError extends Error {
  override readonly name = "EtcdError";
  readonly kind: EtcdErrorKind;

  constructor(kind: EtcdErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The status of a gRPC call that failed, as grpc-js gives it. */
export interface CallFailure {
  readonly code: status;
  readonly details: string;
}

/** Whether another member may do better. */
export function isOfMember({ code, details }: CallFailure): boolean {
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED || code === status.CANCELLED) return true;
  return code === status.UNKNOWN && /no leader|server stopped|timed out|not healthy/i.test(details);
}

/** Whether a new token would do: etcd forgets tokens when it restarts and when somebody changes a user. */
export function isStaleToken({ code, details }: CallFailure): boolean {
  if (code === status.UNAUTHENTICATED) return true;
  return /invalid auth token|revision of auth store is old/i.test(details);
}

/** The kind of a failure; etcd's words go into the message, with what is wrong with a certificate. */
export function etcdError(failure: CallFailure, endpoint: string, certificate?: string): EtcdError {
  const text = `etcd at ${endpoint}: ${certificate === undefined ? "" : `${certificate}: `}${failureText(failure)}`;
  return new EtcdError(certificate === undefined ? kindOf(failure) : "untrusted", text, { cause: failure });
}

/** What etcd said, or why it could not be asked, without what grpc-js adds for those who read its source. */
export function failureText({ code, details }: CallFailure): string {
  if (code === status.DEADLINE_EXCEEDED) return "it did not answer in time";
  const text = details
    .replace(/^etcdserver: /, "")
    .replace(/^No connection established\. Last error: (?:Error: )?/, "")
    .replace(/\.? *Resolution note: *$/, "");
  return text || `status ${code}`;
}

function kindOf(failure: CallFailure): EtcdErrorKind {
  const { code, details } = failure;
  if (/required revision has been compacted/i.test(details)) return "compacted";
  if (/database space exceeded/i.test(details)) return "full";
  if (/request is too large|too many operations|larger than max/i.test(details)) return "too-large";
  if (code === status.PERMISSION_DENIED || code === status.UNAUTHENTICATED) return "denied";
  if (/authentication failed|auth(entication)? is not enabled|user name is empty|permission denied/i.test(details)) {
    return "denied";
  }
  if (isOfMember(failure) || code === status.RESOURCE_EXHAUSTED) return "unavailable";
  return "refused";
}
