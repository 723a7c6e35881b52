/**
 * A lock that keeps two Fairways from writing one state directory.
 *
 * The file `lock.N` with the highest number names the process that holds it, by its id and the time it
 * was started, so that the lock of a process that died, or whose id another process got meanwhile, is
 * recognized. Whoever finds it free takes the next number, which only one can; a number is never removed
 * before a higher one is there. So of several that start at once over a stale lock one gets in, which
 * removing the stale file and creating a new one cannot promise.
 *
 * It guards against a second start by mistake on one machine; it is no lock for a shared file system.
 */
import { join } from "node:path";
import { randomBytes } from "node:crypto";

import { FairwayError } from "../support/fairway-error.ts";
import { hasCode, removeIfThere } from "./store-port.ts";
import type { StorePort } from "./store-port.ts";

/** Others may come and go between two looks; more often than this it is no accident. */
const ATTEMPTS_MAX = 20;

export interface DirectoryLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** In ticks since boot; absent where the system does not tell. */
  readonly startedAt: string | undefined;
}

/** Takes the lock; fails with STATE_UNWRITABLE, naming the process, while a living one holds it. */
export async function lockDirectory(port: StorePort, directory: string): Promise<DirectoryLock> {
  const own = JSON.stringify({ pid: process.pid, startedAt: await startTimeOf(port, process.pid) });
  const draft = await writeDraft(port, directory, own);
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const last = await lastLock(port, directory);
      await refuseIfHeld(port, directory, last);
      const path = lockPath(directory, last + 1);
      // Unlike a file that is created and then filled, a link is never seen empty.
      if (!(await linkIfFree(port, draft, path))) continue;
      if ((await lastLock(port, directory)) === last + 1) {
        await removeLocksBefore(port, directory, last + 1);
        return { release: () => release(port, directory, path) };
      }
      // We looked so long ago that others came and went: our number is an old one that was cleared away.
      await removeIfThere(port, path);
    }
  } finally {
    await removeIfThere(port, draft);
  }
  throw new FairwayError("STATE_UNWRITABLE", `the lock of ${directory} keeps changing hands`);
}

/** Whether a name is that of a lock, held or free. */
function lockNumber(name: string): number {
  const found = /^lock\.(\d{1,15})$/.exec(name);
  return found === null ? 0 : Number(found[1]);
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

/** The number of the only lock that counts, or 0. */
async function lastLock(port: StorePort, directory: string): Promise<number> {
  return Math.max(0, ...(await port.readdir(directory)).map(lockNumber));
}

async function removeLocksBefore(port: StorePort, directory: string, number: number): Promise<void> {
  for (const name of await port.readdir(directory)) {
    const other = lockNumber(name);
    if (other > 0 && other < number) await removeIfThere(port, join(directory, name));
  }
}

async function refuseIfHeld(port: StorePort, directory: string, last: number): Promise<void> {
  const text = await readIfThere(port, lockPath(directory, last));
  const holder = text === undefined ? undefined : parseHolder(text);
  if (holder === undefined || !(await isAlive(port, holder))) return;
  throw new FairwayError(
    "STATE_UNWRITABLE",
    `process ${holder.pid} uses the state directory ${directory}; stop it or give another --state`,
  );
}

async function writeDraft(port: StorePort, directory: string, text: string): Promise<string> {
  const draft = join(directory, `.lock-${randomBytes(6).toString("hex")}.tmp`);
  const handle = await port.open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
  return draft;
}

async function linkIfFree(port: StorePort, draft: string, path: string): Promise<boolean> {
  try {
    await port.link(draft, path);
    return true;
  } catch (error) {
    // ENOENT: whoever got the lock meanwhile cleared our draft up.
    if (hasCode(error, "EEXIST") || hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** The file stays, as nobody's, so that its number is not given out twice. */
async function release(port: StorePort, directory: string, path: string): Promise<void> {
  await port.rename(await writeDraft(port, directory, "{}"), path);
}

async function readIfThere(port: StorePort, path: string): Promise<string | undefined> {
  try {
    return await port.readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Undefined for a damaged lock, which holds nothing. */
function parseHolder(text: string): Holder | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || !("pid" in parsed)) return undefined;
    const { pid } = parsed;
    if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return undefined;
    const startedAt = "startedAt" in parsed ? parsed.startedAt : undefined;
    return { pid, startedAt: typeof startedAt === "string" ? startedAt : undefined };
  } catch {
    return undefined;
  }
}

async function isAlive(port: StorePort, holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if (!hasCode(error, "EPERM")) return false;
  }
  if (holder.startedAt === undefined) return true;
  const startedAt = await startTimeOf(port, holder.pid);
  return startedAt === undefined || startedAt === holder.startedAt;
}

/** Field 22 of /proc/PID/stat; the second field, the command, may hold spaces and parentheses. */
async function startTimeOf(port: StorePort, pid: number): Promise<string | undefined> {
  try {
    const stat = await port.readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
