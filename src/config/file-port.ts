/**
 * The part of the file system that a directory source touches, as a port.
 *
 * Production passes `node:fs/promises`; a test passes the same with one call replaced, so that it can
 * fail in ways that a test run as root cannot provoke.
 */
import * as promises from "node:fs/promises";
import { watch } from "node:fs";

/** Everything a scan calls. */
export type FilePort = Pick<typeof promises, "lstat" | "open" | "opendir" | "readlink" | "realpath" | "stat">;

/** A running watch on one directory. */
export interface DirectoryWatch {
  close(): void;
}

/** What one directory's watch calls. */
export interface WatchListener {
  heard(event: "rename" | "change", name: string | undefined): void;
  failed(error: unknown): void;
}

/** Starts to watch one directory; throws where the system has no watches left. */
export type WatchDirectory = (directory: string, listener: WatchListener) => DirectoryWatch;

/** The machine's own file system. */
export const systemFiles: FilePort = promises;

/** `fs.watch` without recursion: one inotify watch for the directory. */
export const systemWatch: WatchDirectory = (directory, listener) => {
  const watcher = watch(directory, (event, name) => {
    listener.heard(event === "change" ? "change" : "rename", name ?? undefined);
  });
  watcher.on("error", (error) => listener.failed(error));
  return watcher;
};

/** The `code` of a system error, or undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Codes that say that what was just listed is gone again. */
export function isGone(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** A change of any of these means that a file may have new content. */
export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** Equal identities let a scan keep the bytes it has. */
export function fileIdentity(stat: FileStat): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/**
 * What tells a re-created directory from the one a watch was opened on. The time of birth is part of it,
 * because ext4 and tmpfs give the inode number of a removed directory to the next one.
 */
export function directoryIdentity(stat: {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
}): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}
