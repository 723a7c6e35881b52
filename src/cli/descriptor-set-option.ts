/**
 * `--descriptor-set FILE`: private types that may be used inside `Any`, read once when a command starts.
 */
import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Command } from "commander";
import { Option } from "commander";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { loadEnlargedApi } from "./envoy-api-file.ts";
import { exitCodes } from "./output.ts";

/** The whole Envoy API with all its comments has a fifth of this. */
const DESCRIPTOR_SET_MIB_MAX = 32;

/** As commander gives it. */
export interface DescriptorSetFlags {
  readonly descriptorSet: readonly string[];
}

/** The option; it may be given several times. */
export function descriptorSetOption(): Option {
  return new Option("--descriptor-set <file>", "a FileDescriptorSet with private types for use inside Any; repeatable")
    .argParser((file: string, before: readonly string[]) => [...before, file])
    .default([], "none");
}

/** The API with the types of all sets; with a mistake in one of them the command ends with a usage error. */
export function openEnvoyApi(
  { descriptorSet: paths }: DescriptorSetFlags,
  command: Command,
): { readonly api: EnvoyApi; readonly sets: readonly DescriptorSet[] } {
  const fail = (problems: readonly string[]) =>
    command.error(problems.map((problem) => `error: --descriptor-set ${problem}`).join("\n"), {
      exitCode: exitCodes.usage,
    });
  const sets = readSets(paths);
  if (!sets.ok) return fail(sets.error);
  const api = loadEnlargedApi(sets.value);
  return api.ok ? { api: api.value, sets: sets.value } : fail(api.error);
}

function readSets(paths: readonly string[]): Result<readonly DescriptorSet[], readonly string[]> {
  const read = paths.map((path) => readSet(path));
  const problems = read.flatMap((each) => (each.ok ? [] : [each.error]));
  return problems.length > 0 ? err(problems) : ok(read.flatMap((each) => (each.ok ? [each.value] : [])));
}

function readSet(path: string): Result<DescriptorSet, string> {
  const bytesMax = DESCRIPTOR_SET_MIB_MAX * 1024 * 1024;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return err(`${path}: this is no regular file`);
    if (stat.size > bytesMax) return err(tooLarge(path));
    const bytes = readFileSync(path);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return ok({ name: path, bytes: isGzip ? gunzipSync(bytes, { maxOutputLength: bytesMax }) : bytes });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    return err(code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(path) : `${path}: ${message}`);
  }
}

function tooLarge(path: string): string {
  return `${path}: more than ${DESCRIPTOR_SET_MIB_MAX} MiB; leave out what is not needed, and source info`;
}
