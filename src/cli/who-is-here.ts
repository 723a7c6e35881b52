/**
 * Who runs a command, as far as the machine knows: nobody checks it.
 */
import { hostname, userInfo } from "node:os";

/** `user@host`. */
export function whoIsHere(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a number that nobody has given a name.
    return `${process.getuid?.() ?? "somebody"}@${hostname()}`;
  }
}
