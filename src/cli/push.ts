/**
 * `fairway push`: a directory of config documents into etcd, as a whole and only over what was there.
 */
import { statSync } from "node:fs";
import { userInfo, hostname } from "node:os";
import { dirname, relative } from "node:path";
import { Command } from "commander";
import { CONFIG_PREFIX } from "../config/etcd-documents.ts";
import type { PushOutcome } from "../config/push-documents.ts";
import { pushDocuments } from "../config/push-documents.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import { systemClock } from "../support/clock.ts";
import { awaitReplicas, describeAwaited } from "./await-replicas.ts";
import type { DescriptorSetFlags } from "./descriptor-set-option.ts";
import { descriptorSetOption, openEnvoyApi } from "./descriptor-set-option.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { addEtcdOptions, withEtcd } from "./etcd-options.ts";
import { readFlagMs } from "./instance-options.ts";
import { listReplicas } from "./list-replicas.ts";
import { loadConfig, readOnce } from "./load-config.ts";
import { exitCodes, print, tell, wantsColour } from "./output.ts";
import { describeUnread, keyReader } from "./read-secret-keys.ts";

/** More addresses help nobody who looks for one. */
const REPLICAS_TOLD_MAX = 10;

interface PushFlags extends EtcdFlags, DescriptorSetFlags {
  readonly since?: string;
  readonly check: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
}

/** The subcommand: exit code 2 for a wrong config, 5 when `--wait` was in vain, 6 when somebody else has written. */
export function pushCommand(): Command {
  const command = new Command("push")
    .description("write a directory of config documents to etcd, all or nothing")
    .argument("<dir>", "the directory; what is in etcd and not in it is removed")
    .option("--since <revision>", "only if nothing has changed since this revision, as `fairway pull` tells it")
    .option("--dry-run", "say which documents would be added, changed and removed, and write nothing")
    .option("--wait", "until all Envoys of all replicas have it")
    .option("--timeout <duration>", "for --wait", "30s")
    .option("--no-check", "push it although it is wrong for itself, such as a part of a config");
  return addEtcdOptions(command.addOption(descriptorSetOption())).action(push);
}

async function push(directory: string, flags: PushFlags, command: Command): Promise<void> {
  const since = flags.since === undefined ? undefined : Number(flags.since);
  if (since !== undefined && !Number.isSafeInteger(since)) {
    return command.error(`error: --since ${flags.since}: write the revision that \`fairway pull\` told`, {
      exitCode: exitCodes.usage,
    });
  }
  const timeoutMs = readFlagMs("--timeout", flags.timeout);
  if (!timeoutMs.ok) return command.error(`error: ${timeoutMs.error}`, { exitCode: exitCodes.usage });
  if (statSync(directory, { throwIfNoEntry: false })?.isFile() === true) {
    return command.error(
      `error: ${directory} is a file, and all other config would be removed from etcd; ` +
        `write the directory that has all of it, such as ${dirname(directory)}`,
      { exitCode: exitCodes.usage },
    );
  }
  if (flags.check && !(await isGood(directory, flags, command))) {
    process.exitCode = exitCodes.usage;
    return;
  }
  const state = await readOnce({ roots: [directory] });
  const [problem] = state.problems;
  if (problem !== undefined) return command.error(`error: ${problem.message}`, { exitCode: exitCodes.usage });
  const documents = new Map(state.documents.map(({ path, bytes }) => [relative(directory, path), bytes]));
  const by = `${userInfo().username}@${hostname()}, process ${process.pid}`;
  await withEtcd(flags, command, async (etcd) => {
    const begunAt = new Date(systemClock.nowMs()).toISOString();
    const outcome = await pushDocuments(etcd, { documents, by, begunAt, since, dryRun: flags.dryRun });
    tellOutcome(outcome, documents.size);
    const { kind } = outcome;
    if (kind !== "pushed" && kind !== "unchanged") return;
    const revision = kind === "pushed" ? outcome.revision : outcome.changedAt;
    if (flags.wait === true) await waitForAll(etcd, revision, timeoutMs.value);
    else if (kind === "pushed") await tellWhereToLook(etcd);
  });
}

function tellOutcome(outcome: PushOutcome, documentsCount: number): void {
  const { kind, revision } = outcome;
  switch (kind) {
    case "conflict":
      tell(`fairway: nothing was pushed: somebody else has written since (revision ${revision})`);
      for (const key of outcome.changed) tell(`  ${key}`);
      tell("look at it with `fairway pull`, and push again");
      process.exitCode = exitCodes.conflict;
      return;
    case "unchanged":
      return print(
        `etcd has exactly this already: ${documentsOf(documentsCount)}, ` +
          (outcome.changedAt === 0
            ? `revision ${revision}`
            : `last changed at revision ${outcome.changedAt}, and is at ${revision} now`),
      );
    case "planned": {
      const { added, changed, removed } = outcome;
      for (const [what, keys] of Object.entries({ added, changed, removed })) {
        for (const key of keys) print(`  ${what} ${nameOf(key)}`);
      }
      const counts = `${added.length} added, ${changed.length} changed, ${removed.length} removed`;
      tell(`nothing was pushed: this is what a push would do to revision ${revision}: ${counts}`);
      return tell(`to do exactly this, push with --since ${revision}`);
    }
    case "pushed": {
      const { written, removed } = outcome;
      print(
        `pushed ${written.length} of ${documentsOf(documentsCount)}, removed ${removed.length}: revision ${revision}`,
      );
      for (const key of removed) tell(`  removed ${nameOf(key)}`);
    }
  }
}

/** One that refuses or holds it is waited for as well: it may still be mended or confirmed. */
async function waitForAll(etcd: EtcdPort, revision: number, timeoutMs: number): Promise<void> {
  const awaited = await awaitReplicas(etcd, { key: CONFIG_PREFIX, revision, timeoutMs });
  print(`revision ${revision}: ${describeAwaited(awaited)}`);
  if (!awaited.isUnknown && awaited.behind.length === 0) return;
  process.exitCode = exitCodes.timeout;
  await tellWhereToLook(etcd);
}

/** It is in etcd; whether it is served, refused or held only a replica can say. */
async function tellWhereToLook(etcd: EtcdPort): Promise<void> {
  // Whoever may push need not be allowed to know who is there.
  const listed = await listReplicas(etcd, "");
  if (listed.ok && listed.value.length === 0) return tell("no Fairway that shares this etcd is running");
  const [first, ...more] = listed.ok ? listed.value : [];
  const asked = first === undefined ? "HOST:PORT of any replica" : first.admin;
  tell(`whether it is served, refused or held, each replica says: curl http://${asked}/v1/snapshots`);
  if (more.length > 0)
    tell(
      `the others: ${more
        .map(({ admin }) => admin)
        .slice(0, REPLICAS_TOLD_MAX)
        .join(", ")}`,
    );
}

function documentsOf(count: number): string {
  return count === 1 ? "1 document" : `${count} documents`;
}

function nameOf(key: string): string {
  return key.slice(CONFIG_PREFIX.length);
}

async function isGood(directory: string, flags: PushFlags, command: Command): Promise<boolean> {
  const { api } = openEnvoyApi(flags, command);
  const { diagnostics, snapshots, unread } = await loadConfig([directory], api, {
    readKeys: keyReader(flags, command),
  });
  for (const line of describeUnread(unread)) tell(line);
  // Whoever serves an empty directory may look for `push`; whoever pushes one has it already.
  const hint = "to have no config in etcd on purpose, push a file with `services: {}`";
  const told = diagnostics.map((each) => (each.at.file === "(config)" ? { ...each, hint } : each));
  if (told.length > 0) tell(drawDiagnostics(told, { colour: wantsColour(process.stderr) }));
  return snapshots !== undefined;
}
