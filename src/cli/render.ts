/**
 * `fairway render`: the Envoy resources that a config becomes, exactly as nodes would get them.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { RenderFormat } from "../snapshot/render.ts";
import { renderSnapshot } from "../snapshot/render.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { configRoots } from "./config-option.ts";
import type { DescriptorSetFlags } from "./descriptor-set-option.ts";
import { descriptorSetOption, openEnvoyApi } from "./descriptor-set-option.ts";
import { loadConfig } from "./load-config.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";

interface RenderFlags extends DescriptorSetFlags {
  readonly config?: readonly string[];
  readonly group?: string;
  readonly output: RenderFormat;
  readonly out?: string;
}

/** The subcommand: exit code 2 when the config is invalid or the group unknown. */
export function renderCommand(): Command {
  return new Command("render")
    .description("print the Envoy resources that a config becomes; secrets are redacted")
    .argument("[dirs...]", "config directories or files")
    .option("--config <dir...>", "the same as the arguments")
    .option("--group <name>", "only this node group")
    .option("--out <dir>", "write files <group>/<type>.<format> there instead of printing")
    .addOption(descriptorSetOption())
    .addOption(new Option("-o, --output <format>", "yaml or json").choices(["yaml", "json"]).default("yaml"))
    .action(async (dirs: readonly string[], flags: RenderFlags, command: Command) => {
      const roots = configRoots(dirs, flags.config, command);
      const { api } = openEnvoyApi(flags, command);
      const { diagnostics, snapshots } = await loadConfig(roots, api);
      if (diagnostics.length > 0) tell(drawDiagnostics(diagnostics, { colour: wantsColour(process.stderr) }));
      if (snapshots === undefined) {
        process.exitCode = exitCodes.usage;
        return;
      }
      const chosen = [...snapshots.values()].filter(({ group }) => flags.group === undefined || group === flags.group);
      if (chosen.length === 0) {
        const known = [...snapshots.keys()].join(", ");
        command.error(`error: there is no group "${flags.group}"; there are: ${known}`, { exitCode: exitCodes.usage });
      }
      if (flags.out !== undefined) await writeFiles(flags.out, renderAll(chosen, api, flags.output));
      else if (flags.output === "json") printJson(chosen, api);
      else printYaml(renderAll(chosen, api, "yaml"));
    });
}

/** `group/clusters.yaml` → text. */
function renderAll(snapshots: readonly Snapshot[], api: EnvoyApi, format: RenderFormat): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const snapshot of snapshots) {
    for (const [name, text] of renderSnapshot(snapshot, api, format)) files.set(`${snapshot.group}/${name}`, text);
  }
  return files;
}

function printYaml(files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) print(`---\n# ${name}\n${text}`);
}

/** One object, so that a program can read all of it at once. */
function printJson(snapshots: readonly Snapshot[], api: EnvoyApi): void {
  const groups: Record<string, unknown> = {};
  for (const snapshot of snapshots) {
    const types: Record<string, unknown> = {};
    for (const [name, text] of renderSnapshot(snapshot, api, "json"))
      types[name.replace(/\.json$/, "")] = JSON.parse(text);
    groups[snapshot.group] = { version: snapshot.version, ...types };
  }
  print(JSON.stringify(groups, undefined, 2));
}

async function writeFiles(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  try {
    for (const [name, text] of files) {
      const path = join(root, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FairwayError("OUTPUT_UNWRITABLE", `--out ${root}: ${why}; name a directory that can be written`, {
      cause,
    });
  }
  tell(`${files.size} files written to ${root}`);
}
