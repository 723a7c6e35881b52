/**
 * `fairway check`: is this config good, and if not, where and why.
 */
import { Command, Option } from "commander";
import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import { configRoots } from "./config-option.ts";
import { loadEnvoyApi } from "./envoy-api-file.ts";
import type { LoadedConfig } from "./load-config.ts";
import { loadConfig } from "./load-config.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";

interface CheckFlags {
  readonly config?: readonly string[];
  readonly output: "text" | "json";
}

/** The subcommand: exit code 0 when the config can be served, 2 when not. */
export function checkCommand(): Command {
  return new Command("check")
    .description("check config directories without serving them")
    .argument("[dirs...]", "config directories or files")
    .option("--config <dir...>", "the same as the arguments")
    .addOption(new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"))
    .action(async (dirs: readonly string[], flags: CheckFlags, command: Command) => {
      const loaded = await loadConfig(configRoots(dirs, flags.config, command), loadEnvoyApi());
      if (flags.output === "json") print(JSON.stringify(asJson(loaded), undefined, 2));
      else explain(loaded);
      process.exitCode = loaded.snapshots === undefined ? exitCodes.usage : exitCodes.ok;
    });
}

function explain({ diagnostics, snapshots }: LoadedConfig): void {
  if (diagnostics.length > 0) tell(drawDiagnostics(diagnostics, { colour: wantsColour(process.stderr) }));
  if (snapshots === undefined) return;
  for (const [group, { version, tables }] of snapshots) {
    const counts = [...tables.values()].reduce((sum, table) => sum + table.resources.size, 0);
    print(`ok: group ${group}: ${counts} resources, version ${version}`);
  }
}

function asJson({ diagnostics, snapshots }: LoadedConfig): unknown {
  return {
    ok: snapshots !== undefined,
    diagnostics,
    groups: [...(snapshots?.values() ?? [])].map(({ group, version }) => ({ group, version })),
  };
}
