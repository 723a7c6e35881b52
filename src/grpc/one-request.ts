/**
 * Calls that begin with one message: unary ones, and those that only the server streams on.
 */
import type { CallListener, GrpcCall } from "./call.ts";
import { status } from "./status.ts";

/** Calls `answer` once, when the message is there and the client has said that no other follows. */
export function takeOneRequest(
  call: GrpcCall,
  answer: (bytes: Buffer) => void,
  cancelled: (reason: string) => void = () => undefined,
): CallListener {
  let request: Buffer | undefined;
  return {
    message(bytes) {
      if (request === undefined) request = bytes;
      else call.end(status.INTERNAL, "this method takes one message");
    },
    halfClosed() {
      if (request === undefined) call.end(status.INTERNAL, "this method takes one message, and none came");
      else answer(request);
    },
    cancelled,
  };
}
