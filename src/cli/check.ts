/**
 * `fairway check`: is this config good, and if not, where and why; and what a change of it would cost.
 */
import { Command, Option } from "commander";
import { isError } from "../model/collect-diagnostics.ts";
import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import type { EnvoyCheck, EnvoyOpinion } from "./check-with-envoy.ts";
import { checkWithEnvoy } from "./check-with-envoy.ts";
import { configRoots } from "./config-option.ts";
import type { DescriptorSetFlags } from "./descriptor-set-option.ts";
import { descriptorSetOption, openEnvoyApi } from "./descriptor-set-option.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { addEtcdOptions } from "./etcd-options.ts";
import type { LoadedConfig } from "./load-config.ts";
import { loadConfig } from "./load-config.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";
import { describeUnread, keyReader } from "./read-secret-keys.ts";
import { readDurationMs } from "./serve-options.ts";
import { applyWarningLevels, readWarningLevels } from "./warning-levels.ts";

interface CheckFlags extends DescriptorSetFlags, EtcdFlags {
  readonly config?: readonly string[];
  readonly against?: string;
  readonly error: readonly string[];
  readonly ignore: readonly string[];
  readonly output: "text" | "json";
  readonly envoy?: string;
  readonly timeout: string;
}

/** What is known in the end; the opinion is there when an Envoy was asked. */
interface CheckedConfig extends LoadedConfig {
  readonly envoy?: EnvoyOpinion;
}

/** The subcommand: exit code 0 when the config can be served and no warning counts as an error, else 2. */
export function checkCommand(): Command {
  const command = new Command("check")
    .description("check config directories without serving them")
    .argument("[dirs...]", "config directories or files")
    .option("--config <dir...>", "the same as the arguments")
    .option(
      "--against <dir>",
      "warn of clusters that Envoys would make anew, and of code that changes, coming from the config in this directory",
    )
    .option("--error <code>", "take warnings with this code for errors; `all` for all; repeatable", append, [])
    .option("--ignore <code>", "do not show warnings with this code; repeatable", append, [])
    .addOption(descriptorSetOption())
    .option("--envoy <path>", "also ask the Envoy binary at this path; it opens no port and reaches no host")
    .option("--timeout <duration>", "how long that Envoy may take for a group", "30s")
    .addOption(new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"));
  return addEtcdOptions(command).action(check);
}

async function check(dirs: readonly string[], flags: CheckFlags, command: Command): Promise<void> {
  const levels = readWarningLevels(flags);
  if (!levels.ok) return command.error(`error: ${levels.error}`, { exitCode: exitCodes.usage });
  const timeoutMs = readDurationMs(flags.timeout);
  if (timeoutMs === undefined) {
    return command.error(`error: --timeout ${flags.timeout}: write a duration such as 30s`, {
      exitCode: exitCodes.usage,
    });
  }
  const roots = configRoots(dirs, flags.config, command);
  const { api } = openEnvoyApi(flags, command);
  const readKeys = keyReader(flags, command);
  const before = flags.against === undefined ? undefined : await loadConfig([flags.against], api, { readKeys });
  const loaded = await loadConfig(roots, api, { before: before?.snapshots, readKeys });
  if (flags.envoy !== undefined && loaded.unread.length > 0) {
    const sentence = "error: --envoy needs all secrets, and these were not read; say with --etcd where they are";
    return command.error([sentence, ...loaded.unread.map((place) => `  ${place}`)].join("\n"), {
      exitCode: exitCodes.usage,
    });
  }
  // Of a config that is wrong no difference can be told.
  const wrongBefore = before?.snapshots === undefined ? (before?.diagnostics.filter(isError) ?? []) : [];
  const diagnostics = applyWarningLevels([...wrongBefore, ...loaded.diagnostics], levels.value);
  const judged: LoadedConfig = diagnostics.some(isError)
    ? { ...loaded, diagnostics, snapshots: undefined }
    : { ...loaded, diagnostics };
  const result = flags.envoy === undefined ? judged : await askEnvoy(judged, { path: flags.envoy, api, timeoutMs });
  if (flags.output === "json") print(JSON.stringify(asJson(result), undefined, 2));
  else explain(result);
  process.exitCode = result.snapshots === undefined ? exitCodes.usage : exitCodes.ok;
}

/** Only of a config that can be served. */
async function askEnvoy(
  loaded: LoadedConfig,
  asked: Pick<EnvoyCheck, "path" | "api" | "timeoutMs">,
): Promise<CheckedConfig> {
  const { snapshots } = loaded;
  if (snapshots === undefined) return loaded;
  const envoy = await checkWithEnvoy({ ...asked, snapshots });
  const diagnostics = [...loaded.diagnostics, ...envoy.diagnostics];
  return { ...loaded, diagnostics, envoy, snapshots: envoy.diagnostics.length > 0 ? undefined : snapshots };
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function explain({ diagnostics, snapshots, unread, envoy }: CheckedConfig): void {
  if (diagnostics.length > 0) tell(drawDiagnostics(diagnostics, { colour: wantsColour(process.stderr) }));
  if (snapshots === undefined) return;
  for (const line of describeUnread(unread)) tell(line);
  for (const [group, { version, tables }] of snapshots) {
    const counts = [...tables.values()].reduce((sum, table) => sum + table.resources.size, 0);
    print(`ok: group ${group}: ${counts} resources, version ${version}`);
    if (envoy !== undefined) print(`ok: group ${group}: accepted by Envoy ${envoy.version}`);
  }
}

function asJson({ diagnostics, snapshots, unread, envoy }: CheckedConfig): unknown {
  return {
    ok: snapshots !== undefined,
    diagnostics,
    groups: [...(snapshots?.values() ?? [])].map(({ group, version }) => ({ group, version })),
    ...(unread.length === 0 ? {} : { unread }),
    ...(envoy === undefined ? {} : { envoy: { version: envoy.version, accepted: envoy.diagnostics.length === 0 } }),
  };
}
