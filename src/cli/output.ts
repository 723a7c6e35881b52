/**
 * How commands speak: data on stdout, everything else on stderr, colour only where somebody sees it.
 */

/** Exit codes that scripts rely on. */
export const exitCodes = {
  ok: 0,
  /** Internal failure, or no connection. */
  internal: 1,
  /** Wrong use of the command line, or invalid config. */
  usage: 2,
  /** What was wanted would do harm, and nobody has said that it is meant; a canary was rolled back by what it did. */
  refused: 3,
  /** Something waits for somebody: to confirm it, or to decide what cannot be decided without him. */
  awaitsApproval: 4,
  /** It was begun and has not come to its end in time. */
  timeout: 5,
  /** Somebody else has changed what was to be changed. */
  conflict: 6,
  /** An Envoy has refused it, or not all have it in time. */
  notConverged: 7,
  /** Somebody else has ended it. */
  aborted: 8,
  /** There are changes that a server would make. */
  changes: 10,
} as const;

/** Whether a stream is a terminal that wants colour (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}

/** Writes a line for people. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Writes data. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}
