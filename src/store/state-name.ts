/**
 * The names of files in the state directory.
 *
 *     edge-9f86d081884c7d65.served
 *     edge-9f86d081884c7d65.0000000000000042.gen    the number grows with each promotion of any key
 *     .edge-9f86d081884c7d65.served.7.tmp           a write that is not finished
 */
export interface StateName {
  readonly stem: string;
  /** Absent for what is served. */
  readonly sequence: number | undefined;
}

/** Enough for every safe integer, so that names sort like numbers. */
const SEQUENCE_DIGITS = 16;

export function servedName(stem: string): string {
  return `${stem}.served`;
}

export function generationName(stem: string, sequence: number): string {
  return `${stem}.${String(sequence).padStart(SEQUENCE_DIGITS, "0")}.gen`;
}

/** Undefined for every other file. */
export function parseStateName(name: string): StateName | undefined {
  const served = /^([\w-]+)\.served$/.exec(name);
  if (served?.[1] !== undefined) return { stem: served[1], sequence: undefined };
  const generation = /^([\w-]+)\.(\d{16})\.gen$/.exec(name);
  if (generation?.[1] === undefined) return undefined;
  const sequence = Number(generation[2]);
  return Number.isSafeInteger(sequence) ? { stem: generation[1], sequence } : undefined;
}

export function isTemporary(name: string): boolean {
  return name.startsWith(".") && name.endsWith(".tmp");
}
