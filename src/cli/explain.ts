/**
 * `fairway explain`: what an Envoy does with one request, and which lines of the config say so.
 */
import { Command, Option } from "commander";
import type { AskedRequest } from "../explain/asked-request.ts";
import { readAskedRequest } from "../explain/asked-request.ts";
import { explainRequest } from "../explain/explain-request.ts";
import type { Explanation } from "../explain/explanation.ts";
import { originsIn } from "../explain/origins.ts";
import { lookUpIn } from "../explain/resource-lookup.ts";

import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import type { GroupName } from "../snapshot/snapshot.ts";
import { present } from "../support/assert.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { SERVER_DEFAULT } from "./ask-server.ts";
import type { AskedGroup } from "./choose-group.ts";
import { chooseGroup } from "./choose-group.ts";
import { configRoots } from "./config-option.ts";
import type { DescriptorSetFlags } from "./descriptor-set-option.ts";
import { descriptorSetOption, openEnvoyApi } from "./descriptor-set-option.ts";
import { drawExplanation } from "./draw-explanation.ts";
import type { AskedOfServer } from "./explain-by-server.ts";
import { explainByServer } from "./explain-by-server.ts";
import { loadConfig } from "./load-config.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";

interface ExplainFlags extends AskedGroup, DescriptorSetFlags {
  readonly server?: string;
  readonly config?: readonly string[];
  readonly header: readonly string[];
  readonly output: "text" | "json";
}

/** The subcommand: exit code 0 also when the answer is 404, 2 when the question or the config is wrong. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("say what Envoy does with a request, and which lines of the config say so")
    .argument("<method>", "such as GET")
    .argument("<url>", "such as https://shop.example.com/cart?id=1")
    .option("-H, --header <line>", "a header, 'name: value'; may repeat", collect, [])
    .option("--config <dir>", "explain this config directory or file, without a server; may repeat", collect)
    .option("--node <node>", "the Envoy: its id, id=ID,cluster=CLUSTER,metadata.KEY=VALUE, or its node as JSON")
    .option("--group <name>", "the node group, instead of a node")
    .addOption(
      new Option(
        "--server <url>",
        `explain what this server serves: its admin address (default: ${SERVER_DEFAULT})`,
      ).env("FAIRWAY_SERVER"),
    )
    .addOption(descriptorSetOption())
    .addOption(new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"))
    .action(async (method: string, url: string, flags: ExplainFlags, command: Command) => {
      const asked = readAskedRequest({ method, url, headers: flags.header });
      if (!asked.ok) return command.error(`error: ${asked.error}`, { exitCode: exitCodes.usage });
      const roots = rootsOf(flags, command);
      const explanation =
        roots.length > 0
          ? await explainOffline(asked.value, roots, flags, command)
          : await explainServed({ method, url, headers: flags.header, ...flags }, flags.server);
      if (explanation === undefined) {
        process.exitCode = exitCodes.usage;
      } else if (flags.output === "json") {
        print(JSON.stringify(explanation, undefined, 2));
      } else {
        print(drawExplanation(explanation, { colour: wantsColour(process.stdout) }));
      }
    });
}

function collect(line: string, before: readonly string[] = []): readonly string[] {
  return [...before, line];
}

/** The config that is to be explained; empty when it is what a server serves. What is typed goes before the environment. */
function rootsOf(flags: ExplainFlags, command: Command): readonly string[] {
  const isServerTyped = command.getOptionValueSource("server") === "cli";
  if (isServerTyped && flags.config !== undefined) {
    const sentence = "error: --server explains what a server serves, --config what files say; write one of them";
    return command.error(sentence, { exitCode: exitCodes.usage });
  }
  return isServerTyped ? [] : configRoots([], flags.config, command, { mayBeNone: true });
}

/** Who has named no server may have meant none. */
async function explainServed(asked: AskedOfServer, server: string | undefined): Promise<Explanation | undefined> {
  try {
    return await explainByServer(asked, server ?? SERVER_DEFAULT);
  } catch (error) {
    if (server === undefined && error instanceof FairwayError) {
      tell("fairway: neither a config nor a server was named, so the one at the usual address was asked");
      tell("  --config DIR, or FAIRWAY_CONFIG, explains files; --server URL, or FAIRWAY_SERVER, another server");
    }
    throw error;
  }
}

/** From config directories; undefined when they have errors, which were told. */
async function explainOffline(
  asked: AskedRequest,
  roots: readonly string[],
  flags: ExplainFlags,
  command: Command,
): Promise<Explanation | undefined> {
  const { api } = openEnvoyApi(flags, command);
  const { diagnostics, intent, groups, snapshots } = await loadConfig(roots, api);
  if (intent === undefined || snapshots === undefined) {
    tell(drawDiagnostics(diagnostics, { colour: wantsColour(process.stderr) }));
    return undefined;
  }
  const chosen = chooseGroup(flags, groups);
  if (!chosen.ok) return command.error(`error: ${chosen.error}`, { exitCode: exitCodes.usage });
  const name = chosen.value;
  const snapshot = present(snapshots.get(name as GroupName), "every group has a snapshot");
  const at = groups.find((group) => group.name === name)?.at;
  const facts = explainRequest(asked, { lookup: lookUpIn(snapshot, api), origins: originsIn(intent, name) });
  return {
    ...facts,
    group: { name, ...(at === undefined ? {} : { at }) },
    version: snapshot.version,
    ...(flags.node === undefined ? {} : { node: { id: flags.node } }),
  };
}
