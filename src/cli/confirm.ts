/**
 * `fairway confirm`: shows what the guard holds, or releases it, over the admin API of any replica.
 */
import { Command, Option } from "commander";
import type { SnapshotListJson } from "../admin/api-schema.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { SERVER_DEFAULT, addressProblem, askServer, detailOf, serverFlag } from "./ask-server.ts";
import type { ServerAnswer } from "./ask-server.ts";
import { exitCodes, print, tell } from "./output.ts";
import { whoIsHere } from "./who-is-here.ts";

interface ConfirmFlags {
  readonly server: string;
  readonly actor?: string;
  readonly reason?: string;
  readonly local?: boolean;
}

/** The subcommand: exit code 4 when something is held that nobody has named, 6 when something else is held. */
export function confirmCommand(): Command {
  return new Command("confirm")
    .description("show what the guard holds, or release it on all replicas")
    .argument("[version]", "what is to be released; without it what is held is shown")
    .addOption(
      new Option("--server <url>", "the admin address of any replica").default(SERVER_DEFAULT).env("FAIRWAY_SERVER"),
    )
    .option("--reason <text>", "why; it is kept with the version")
    .option("--actor <name>", "who; the user of this machine when absent")
    .option("--local", "release it on that replica only, also when etcd is away")
    .action(async (version: string | undefined, flags: ConfirmFlags, command: Command) => {
      const wrong = addressProblem(flags.server) ?? versionProblem(version);
      if (wrong !== undefined) return command.error(`error: ${wrong}`, { exitCode: exitCodes.usage });
      await (version === undefined ? show(flags) : confirm(version, flags));
    });
}

function versionProblem(version: string | undefined): string | undefined {
  return version === undefined || /^[0-9a-f]{16}$/.test(version)
    ? undefined
    : `"${version}" is not a version; it has 16 hexadecimal digits, and fairway confirm alone shows what is held`;
}

async function show({ server }: ConfirmFlags): Promise<void> {
  const answer = await askServer(server, "/v1/snapshots?limit=1000&history=0");
  if (answer.status !== 200 || answer.body === undefined) throw notFairway(server, answer);
  const { groups } = answer.body as SnapshotListJson;
  const lines = groups.flatMap(({ group, held }) => (held === undefined ? [] : [heldText({ group, server }, held)]));
  print(lines.length === 0 ? "nothing is held" : lines.join("\n"));
  if (lines.length > 0) process.exitCode = exitCodes.awaitsApproval;
}

type HeldJson = NonNullable<SnapshotListJson["groups"][number]["held"]>;

function heldText(
  { group, server }: { readonly group: string; readonly server: string },
  { version, cause, heldSince, findings, changes }: HeldJson,
): string {
  const removed = findings.map(({ type, removedCount, ofCount, names, hosts }) => {
    const shown = names.map((name, index) => {
      const loss = hosts?.[index];
      return loss === undefined ? name : `${name} (${loss.before} → ${loss.after})`;
    });
    const more = removedCount > shown.length ? ` and ${removedCount - shown.length} more` : "";
    const what =
      hosts === undefined ? type : type === "routes" ? "routes without virtual hosts" : "services without hosts";
    return `  held for ${removedCount} of ${ofCount} ${what}: ${shown.join(", ")}${more}`;
  });
  const all = changes.map(({ type, added, changed, removed: gone }) => `${type} +${added} ~${changed} -${gone}`);
  return [
    `${group}: ${version} (${cause}), held since ${heldSince}`,
    ...removed,
    // A replica that serves nothing yet has nothing to compare with.
    ...(all.length === 0 ? [] : [`  in all: ${all.join(", ")}`]),
    `  to release it: fairway confirm ${version}${serverFlag(server)}`,
  ].join("\n");
}

async function confirm(version: string, { server, actor, reason, local }: ConfirmFlags): Promise<void> {
  const asked = { actor: actor ?? whoIsHere(), reason, ...(local === true ? { local } : {}) };
  const answer = await askServer(server, `/v1/snapshots/${version}/confirm`, {
    method: "POST",
    headers: { "if-match": `"${version}"`, "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  const detail = detailOf(answer);
  if (answer.status === 200) {
    const { groups } = answer.body as { readonly groups: readonly string[] };
    return print(`${version} is released to ${groups.join(", ")}${local === true ? ", on this replica only" : ""}`);
  }
  if (detail === undefined) throw notFairway(server, answer);
  if (answer.status === 503) {
    const told = `${detail}\nTo release it on this replica alone, add --local.`;
    throw new FairwayError("ETCD_FAILED", told);
  }
  tell(`fairway: ${version} is not released: ${detail}${heldNow(answer)}`);
  process.exitCode = answer.status === 412 ? exitCodes.conflict : exitCodes.usage;
}

function heldNow({ body }: ServerAnswer): string {
  const { held = [] } = (body ?? {}) as {
    readonly held?: readonly { readonly group: string; readonly version: string }[];
  };
  return held.length === 0 ? "" : ` (${held.map(({ group, version }) => `${group}: ${version}`).join(", ")})`;
}

function notFairway(server: string, { status }: ServerAnswer): FairwayError {
  return new FairwayError(
    "ADMIN_UNREACHABLE",
    `${server} answered ${status}: it is not the admin address of a Fairway`,
  );
}
