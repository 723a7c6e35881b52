/**
 * `fairway plan`: what a config would change for which Envoys, and what they would do, before it is served.
 */
import { Command, Option } from "commander";
import type { SplitJson } from "../admin/split-schema.ts";
import { originsIn } from "../explain/origins.ts";
import { isError } from "../model/collect-diagnostics.ts";
import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { Intent, JsonValue } from "../model/intent.ts";
import type { Contents } from "../snapshot/plan.ts";
import { createRedactor } from "../snapshot/redact.ts";
import { renderResource } from "../snapshot/render.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { yamlText } from "../snapshot/yaml-text.ts";
import { SERVER_DEFAULT, addressProblem, serverFlag } from "./ask-server.ts";
import { configRoots } from "./config-option.ts";
import type { DescriptorSetFlags } from "./descriptor-set-option.ts";
import { descriptorSetOption, openEnvoyApi } from "./descriptor-set-option.ts";
import { drawPlan } from "./draw-plan.ts";
import type { LoadedConfig } from "./load-config.ts";
import { loadConfig } from "./load-config.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";
import { planJson } from "./plan-json.ts";
import { planMarkdown } from "./plan-markdown.ts";
import type { PlanReport, ReportInput } from "./plan-report.ts";
import { createReport, hasChanges } from "./plan-report.ts";
import { compareWithServer } from "./plan-with-server.ts";
import { hiddenDefaults, liveSharesOf, liveWeights, servedSplits } from "./served-weights.ts";
import { BOUNDS, NO_BOUNDS } from "./plan-words.ts";

interface PlanFlags extends DescriptorSetFlags {
  readonly config?: readonly string[];
  readonly server?: string;
  readonly against?: string;
  readonly group?: string;
  readonly all?: boolean;
  readonly output: "text" | "json" | "yaml" | "md";
}

/** Of so many resources of a type and group the content is compared, unless all of it is to be shown. */
const CONTENTS_MAX = 1_000;

/** The subcommand: exit code 0 without changes, 10 with changes, 2 when the config is wrong, 1 when the server does not answer. */
export function planCommand(): Command {
  return new Command("plan")
    .description("say what a config would change for which Envoys, and what they would do")
    .argument("[dirs...]", "config directories or files")
    .option("--config <dir...>", "the same as the arguments")
    .addOption(
      new Option("--server <url>", "compare with what this server serves: its admin address").env("FAIRWAY_SERVER"),
    )
    .option("--against <dir>", "compare with the config in this directory, without a server")
    .option("--group <name>", "only this node group")
    .option("--all", "show every change and every field")
    .addOption(descriptorSetOption())
    .addOption(
      new Option("-o, --output <format>", "text, json, yaml, or md for a pull request")
        .choices(["text", "json", "yaml", "md"])
        .default("text"),
    )
    .action(plan);
}

async function plan(dirs: readonly string[], flags: PlanFlags, command: Command): Promise<void> {
  const isServerTyped = command.getOptionValueSource("server") === "cli";
  if (flags.against !== undefined && isServerTyped) {
    command.error("error: --server and --against both say what to compare with; write one of them", {
      exitCode: exitCodes.usage,
    });
  }
  const server = flags.server ?? SERVER_DEFAULT;
  const wrong = flags.against === undefined ? addressProblem(server) : undefined;
  if (wrong !== undefined) return command.error(`error: ${wrong}`, { exitCode: exitCodes.usage });
  const roots = configRoots(dirs, flags.config, command);
  const { api } = openEnvoyApi(flags, command);
  const before = flags.against === undefined ? undefined : await loadConfig([flags.against], api);
  const splits = flags.against === undefined ? await servedSplits(server) : [];
  const now = await loadConfig(roots, api, { live: liveWeights(splits) });
  const problems = [...(before?.diagnostics.filter(isError) ?? []), ...now.diagnostics.filter(isError)];
  if (problems.length > 0 || !isBuilt(now)) {
    tell(drawDiagnostics(problems, { colour: wantsColour(process.stderr) }));
    process.exitCode = exitCodes.usage;
    return;
  }
  if (flags.group !== undefined && !now.snapshots.has(flags.group as GroupName)) {
    const known = [...now.snapshots.keys()].join(", ");
    command.error(`error: there is no group "${flags.group}"; there are: ${known}`, { exitCode: exitCodes.usage });
  }
  const contents = rendering(api);
  const report = createReport(
    before === undefined
      ? await againstServer({ server, splits, now, flags, contents })
      : againstDirectory({ before, now, flags, contents }),
  );
  draw(report, flags);
  process.exitCode = hasChanges(report) ? exitCodes.changes : exitCodes.ok;
}

type BuiltConfig = LoadedConfig & {
  readonly intent: Intent;
  readonly snapshots: NonNullable<LoadedConfig["snapshots"]>;
};

function isBuilt(config: LoadedConfig): config is BuiltConfig {
  return config.snapshots !== undefined && config.intent !== undefined;
}

interface Asked {
  readonly now: BuiltConfig;
  readonly flags: PlanFlags;
  readonly contents: (snapshot: Snapshot) => Contents;
}

async function againstServer({
  server,
  splits,
  now,
  flags,
  contents,
}: Asked & { readonly server: string; readonly splits: readonly SplitJson[] }): Promise<ReportInput> {
  const contentsMax = contentsMaxOf(flags);
  const { group } = flags;
  const compared = await compareWithServer({
    server,
    group,
    config: now,
    snapshots: ofGroup(now.snapshots, flags),
    contentsAfter: contents,
    contentsMax,
  });
  return {
    ...rest({ now, flags, contents }),
    comparedWith: server,
    confirmCommand: `fairway confirm VERSION${serverFlag(server)}`,
    earlier: compared.earlier,
    snapshots: compared.snapshots,
    warnings: { before: compared.warnings, now: now.diagnostics },
    notes: [...compared.notes, ...hiddenDefaults(splits, now.splits)],
    liveSharesOf: liveSharesOf(splits, now.splits),
  };
}

function againstDirectory({ before, now, flags, contents }: Asked & { readonly before: LoadedConfig }): ReportInput {
  const earlier = [...ofGroup(before.snapshots ?? new Map<GroupName, Snapshot>(), flags)].map(
    ([name, snapshot]) => [name, { snapshot, contents: contents(snapshot), notes: [] }] as const,
  );
  const isRegistered = now.intent.services.some(({ registry }) => registry !== undefined);
  return {
    ...rest({ now, flags, contents }),
    comparedWith: flags.against ?? "",
    confirmCommand: "fairway confirm VERSION",
    earlier: new Map(earlier),
    snapshots: ofGroup(now.snapshots, flags),
    warnings: { before: before.diagnostics, now: now.diagnostics },
    notes: isRegistered ? ["instances that register in etcd are on neither side"] : [],
  };
}

/** What does not depend on the other side. */
function rest({
  now,
  flags,
  contents,
}: Asked): Pick<ReportInput, "groups" | "contentsAfter" | "contentsMax" | "lineOf"> {
  return {
    groups: now.groups,
    contentsAfter: contents,
    contentsMax: contentsMaxOf(flags),
    lineOf: (group) => {
      const origins = originsIn(now.intent, group);
      return (routeConfiguration, envoyRoute, filter) => {
        const rule = origins.rule(routeConfiguration, envoyRoute);
        return (filter === undefined ? undefined : rule?.filter(filter)?.at) ?? rule?.at;
      };
    },
  };
}

function contentsMaxOf({ all }: PlanFlags): number {
  return all === true ? Infinity : CONTENTS_MAX;
}

function ofGroup(snapshots: ReadonlyMap<GroupName, Snapshot>, { group }: PlanFlags): ReadonlyMap<GroupName, Snapshot> {
  return new Map([...snapshots].filter(([name]) => group === undefined || name === group));
}

/** Renders each resource once; groups share them. */
function rendering(api: EnvoyApi): (snapshot: Snapshot) => Contents {
  const redact = createRedactor(api);
  const rendered = new WeakMap<Resource, JsonValue>();
  return ({ tables }) =>
    (typeUrl, name) => {
      const resource = tables.get(typeUrl)?.resources.get(name);
      if (resource === undefined) return undefined;
      const json = rendered.get(resource) ?? renderResource(resource, api, redact);
      rendered.set(resource, json);
      return json;
    };
}

function draw(report: PlanReport, { output, all }: PlanFlags): void {
  const bounds = all === true ? NO_BOUNDS : BOUNDS;
  switch (output) {
    case "json":
      return print(JSON.stringify(planJson(report, bounds), undefined, 2));
    case "yaml":
      return print(yamlText(planJson(report, bounds)));
    case "md":
      return print(planMarkdown(report, bounds));
    case "text":
      return print(drawPlan(report, bounds, { colour: wantsColour(process.stdout) }));
  }
}
