/**
 * What every part of a policy that Envoy does with an HTTP filter has in common.
 *
 * One file for each such part (`filter-cors.ts`, …) says how it is written, what it means and what it names;
 * `filter-parts.ts` has them all. `translate` has a file for each filter (`http-filter-cors.ts`, …).
 */
import type * as z from "zod";
import type { Section } from "./collect-names.ts";
import type { Diagnostic, Place } from "./diagnostic.ts";
import type { Credential } from "./intent-secret.ts";
import type { Path, Problem, SourceDocument } from "./position.ts";

/** How a part is written, and what that means. */
export interface FilterPartKind<Schema extends z.ZodType, Settings extends object> {
  readonly schema: Schema;
  /** The settings of a value that the schema and `check` have accepted. */
  readonly build: (value: z.infer<Schema>, site: PartSite) => Settings;
  /** What the schema cannot say. */
  readonly check?: (path: Path, value: z.infer<Schema>) => readonly Problem[];
  /** The names in a value that nobody has checked yet; `*` steps into every item of a list or map. */
  readonly names?: readonly PartName[];
  /** Where a value names files that are read for it; `*` as in `names`. */
  readonly files?: readonly (readonly string[])[];
  /** The settings with what lies outside of the config: files, and secrets that filters are told. */
  readonly fill?: (settings: Settings, outside: Outside) => Settings;
  /** The services that the filter calls, whose clusters the Envoy must have. */
  readonly services?: (settings: Settings) => readonly string[];
  /** The secrets that Envoy reads for the filter, by SDS. */
  readonly secrets?: (settings: Settings) => readonly string[];
}

/** Where a part names something that is defined elsewhere. */
export interface PartName {
  readonly section: Extract<Section, "services" | "secrets">;
  /** Below the part. For services that of a map with `service` and perhaps `subset`. */
  readonly at: readonly string[];
  /** The part that the secret must have. */
  readonly secretPart?: string;
}

/** Where a part is written. */
export interface PartSite {
  readonly document: SourceDocument;
  readonly path: Path;
}

/** What is outside of the config and belongs to it. */
export interface Outside {
  /** What a file holds that `at` names; undefined when it cannot be read, which is reported. */
  readonly file: (path: string, at: Place) => string | undefined;
  /** The same as it is, for a file that is no text. */
  /** The same, for what is no text. */
  readonly bytes: (path: string, at: Place) => Uint8Array | undefined;
  /** What a secret with users or API keys holds; nothing when it is wrong, which is reported. */
  readonly credentials: (secret: string) => readonly Credential[];
  readonly report: (diagnostic: Diagnostic) => void;
}

/** A part of a policy; `none` keeps away what a policy further off says. */
export interface FilterPart<Settings extends object> {
  readonly at: Place;
  readonly settings: Settings | "none";
}

/** For the compiler to find the types of a kind. */
export function filterPart<Schema extends z.ZodType, Settings extends object>(
  kind: FilterPartKind<Schema, Settings>,
): FilterPartKind<Schema, Settings> {
  return kind;
}
