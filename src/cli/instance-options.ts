/**
 * Which instance of which service: the options that `register`, `drain` and `undrain` have in common.
 */
import type { Command } from "commander";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { readDurationMs } from "./serve-options.ts";

/** Where instances register unless their service says otherwise. */
const ROOT = "/services/";

/** As commander gives them. */
export interface InstanceFlags {
  readonly service: string;
  readonly prefix?: string;
  readonly id?: string;
  readonly address?: string;
}

/** Adds `--service` and `--prefix`. */
export function addServiceOptions(command: Command): Command {
  return command
    .requiredOption("--service <name>", "the service, as config files name it")
    .option("--prefix <key>", "where its instances register; /services/<name>/ when absent");
}

/** The prefix of the instances of a service, with a slash at its end. */
export function readPrefix({ service, prefix }: InstanceFlags): Result<string, string> {
  if (prefix !== undefined) {
    return prefix.endsWith("/") ? ok(prefix) : err(`--prefix "${prefix}" needs a slash at its end`);
  }
  if (service === "" || service.includes("/")) return err(`--service "${service}" is not the name of a service`);
  return ok(`${ROOT}${service}/`);
}

/** The id of an instance; its address is one that is always there. */
export function readId({ id, address }: InstanceFlags): Result<string, string> {
  const chosen = id ?? address ?? "";
  return chosen === "" || chosen.includes("/") ? err(`--id "${chosen}" is not an id: no slash, not empty`) : ok(chosen);
}

/** A flag with a duration, in milliseconds. */
export function readFlagMs(flag: string, text: string, leastMs = 0): Result<number, string> {
  const milliseconds = readDurationMs(text);
  if (milliseconds === undefined) return err(`${flag} "${text}" is not a duration; write 500ms, 30s or 5m`);
  return milliseconds < leastMs ? err(`${flag} "${text}": at least ${leastMs / 1_000}s`) : ok(milliseconds);
}
