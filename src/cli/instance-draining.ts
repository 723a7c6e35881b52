/**
 * The value of an instance with `draining` set or cleared, and everything else as it was.
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** `host:port` becomes JSON; a value that is as wanted stays byte for byte. */
export function withDraining(value: string, draining: boolean): Result<string, string> {
  const parsed = parse(value);
  if (parsed === undefined) return err("its value is not an instance");
  const isDraining = parsed["draining"] === true || parsed["health"] === "draining";
  if (isDraining === draining) return ok(value);
  if (draining) return ok(JSON.stringify({ ...parsed, draining: true }));
  const { draining: _draining, health, ...rest } = parsed;
  const kept = health === undefined || health === "draining" ? {} : { health };
  return ok(JSON.stringify({ ...rest, ...kept }));
}

/** The address that a value has, or undefined. */
export function addressIn(value: string): string | undefined {
  const address = parse(value)?.["address"];
  return typeof address === "string" ? address : undefined;
}

function parse(value: string): Readonly<Record<string, unknown>> | undefined {
  const text = value.trim();
  if (!text.startsWith("{")) return text === "" ? undefined : { address: text };
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
