/**
 * The sentences for what a directory source could not read, each with the way out.
 */
import { errorCode } from "./file-port.ts";
import type { SourceProblem } from "./source.ts";

interface FileKind {
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

export function missing(path: string): SourceProblem {
  return {
    code: "source-missing",
    path,
    message: `${path} does not exist`,
    hint: "create it, or correct the path",
  };
}

export function unmounted(path: string): SourceProblem {
  return {
    code: "source-missing",
    path,
    message: `${path} is empty and on another file system than before, as after an unmount`,
    hint: "mount it again; until then what was read last stays in force",
  };
}

export function unreadable(path: string, error: unknown): SourceProblem {
  const code = errorCode(error) ?? "unknown error";
  const message = `${path} cannot be read: ${reasons[code] ?? code}`;
  return { code: "source-unreadable", path, message };
}

export function loop(path: string, target: string): SourceProblem {
  const message = `${path} is a link to ${target}, a directory that contains it`;
  return { code: "source-unreadable", path, message, hint: "remove the link" };
}

export function nameNotUtf8(path: string): SourceProblem {
  return { code: "source-unreadable", path, message: `the name of ${path} is not valid UTF-8` };
}

export function unfinished(path: string): SourceProblem {
  return {
    code: "source-unreadable",
    path,
    message: `${path} is still being written`,
    hint: "write to a temporary name and rename, so that a document is never seen half",
  };
}

export function notRegular(path: string, kind: FileKind): SourceProblem {
  const message = `${path} is ${kindName(kind)}, not a regular file`;
  if (!kind.isDirectory()) return { code: "source-not-regular", path, message };
  const hint = "a container engine makes such a directory when the file to mount is missing";
  return { code: "source-not-regular", path, message, hint };
}

export function outsideRoot(path: string, target: string): SourceProblem {
  return {
    code: "source-outside-root",
    path,
    message: `${path} is a link to ${target}, which lies outside of every --config`,
    hint: "give the target's directory as a --config of its own",
  };
}

export function tooLarge(path: string, bytes: bigint, bytesMax: number): SourceProblem {
  const message = `${path} has ${bytes} bytes; at most ${bytesMax} are read from one file`;
  return { code: "source-too-large", path, message, hint: "split it into several files" };
}

export function tooLargeInAll(path: string, bytes: bigint, bytesMax: number): SourceProblem {
  const message = `the documents have ${bytes} bytes together; at most ${bytesMax} are read`;
  return { code: "source-too-large", path, message };
}

export function tooManyFiles(path: string, filesMax: number): SourceProblem {
  const message = `there are more than ${filesMax} documents`;
  return { code: "source-too-many", path, message, hint: "join small documents into larger files" };
}

export function tooManyEntries(path: string, entriesMax: number): SourceProblem {
  const message = `there are more than ${entriesMax} names`;
  const hint = "keep documents apart from other files";
  return { code: "source-too-many", path, message, hint };
}

export function tooDeep(path: string, depthMax: number): SourceProblem {
  const message = `${path} is more than ${depthMax} directories deep`;
  return { code: "source-too-many", path, message };
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a directory",
  EIO: "the disk reports an error",
  ELOOP: "its links lead in a circle",
  EMFILE: "too many open files in this process",
  ENAMETOOLONG: "its name is too long",
  ENFILE: "too many open files on this machine",
  ENOENT: "it is a link that leads nowhere",
  ENOTDIR: "it is a link that leads nowhere",
  ESTALE: "the network file system lost it",
};

function kindName(kind: FileKind): string {
  if (kind.isDirectory()) return "a directory";
  if (kind.isFIFO()) return "a FIFO";
  if (kind.isSocket()) return "a socket";
  return "a device";
}
