/**
 * Files that documents name: which are read, what is refused, and when a change is told.
 */
import { execFileSync } from "node:child_process";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { FilesChange, ReferencedFiles } from "../../../src/config/referenced-files.ts";
import { eventually } from "../../support/eventually.ts";
import { openFiles } from "../../support/open-files.ts";
import { tempDir } from "../../support/temp-dir.ts";

function contentOf({ state }: ReferencedFiles): Readonly<Record<string, string>> {
  return Object.fromEntries(state.documents.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
}

test("exactly the files that were asked for are there, wherever they lie and whatever they are called", async () => {
  await using directory = await tempDir();
  const [a, b] = [directory.join("a.pem"), directory.join("key")];
  await writeFile(a, "A");
  await writeFile(b, "B");
  const files = openFiles();
  await files.read([a, b]);
  expect(contentOf(files)).toEqual({ [a]: "A", [b]: "B" });
  await files.read([b]);
  expect([files.state.paths, contentOf(files)]).toEqual([[b], { [b]: "B" }]);
  await files.read([]);
  expect(files.state.documents).toEqual([]);
  await files.close();
});

test("a directory, a FIFO, a device, a file that is too large and one that is missing are problems", async () => {
  await using directory = await tempDir();
  const path = (name: string) => directory.join(name);
  await mkdir(path("directory"));
  await writeFile(path("directory/a.yaml"), "services: {}");
  execFileSync("mkfifo", [path("fifo")]);
  await writeFile(path("large"), Buffer.alloc(1024 * 1024 + 1));
  await symlink("/dev/zero", path("device"));
  const files = openFiles();
  await files.read(["device", "directory", "fifo", "large", "missing"].map(path));
  expect(files.state.documents).toEqual([]);
  expect(Object.fromEntries(files.state.problems.map((problem) => [problem.path, problem.code]))).toEqual({
    [path("device")]: "source-not-regular",
    [path("directory")]: "source-not-regular",
    [path("fifo")]: "source-not-regular",
    [path("large")]: "source-too-large",
    [path("missing")]: "source-missing",
  });
  await files.close();
});

test("files that are replaced one after the other are told once", async () => {
  await using directory = await tempDir();
  const paths = ["a.key", "a.pem", "b.pem"].map((name) => directory.join(name));
  for (const path of paths) await writeFile(path, "old");
  const changes: FilesChange[] = [];
  const files = openFiles((change) => changes.push(change));
  await files.read(paths);
  for (const path of paths.slice(0, 2)) {
    await writeFile(`${path}.tmp`, "new");
    await rename(`${path}.tmp`, path);
    // Between the two the first is already known to have changed.
    await new Promise(setImmediate);
  }
  await eventually("the change", () => changes.length > 0);
  expect(Object.values(contentOf(files))).toEqual(["new", "new", "old"]);
  expect(changes.length).toBe(1);
  await files.close();
});

test("a link that is swapped is a change, as certbot and Kubernetes make it", async () => {
  await using directory = await tempDir();
  const path = (name: string) => directory.join(name);
  for (const generation of ["1", "2"]) {
    await mkdir(path(`..gen${generation}`));
    await writeFile(path(`..gen${generation}/tls.crt`), `mounted ${generation}`);
    await writeFile(path(`fullchain${generation}.pem`), `archived ${generation}`);
  }
  await symlink("..gen1", path("..data"));
  await symlink("..data/tls.crt", path("tls.crt"));
  await mkdir(path("live"));
  await symlink("../fullchain1.pem", path("live/fullchain.pem"));
  const changes: FilesChange[] = [];
  const files = openFiles((change) => changes.push(change));
  await files.read([path("live/fullchain.pem"), path("tls.crt")]);
  expect(Object.values(contentOf(files))).toEqual(["archived 1", "mounted 1"]);
  await symlink("..gen2", path("..next"));
  await rename(path("..next"), path("..data"));
  await eventually("the mount", () => contentOf(files)[path("tls.crt")] === "mounted 2");
  await symlink("../fullchain2.pem", path("live/.next"));
  await rename(path("live/.next"), path("live/fullchain.pem"));
  await eventually("the renewal", () => contentOf(files)[path("live/fullchain.pem")] === "archived 2");
  expect(changes.length).toBe(2);
  await files.close();
});

test("a file that goes keeps its content beside the problem, and is told again when it is back", async () => {
  await using directory = await tempDir();
  const path = directory.join("a.pem");
  await writeFile(path, "one");
  const files = openFiles();
  await files.read([path]);
  await rename(path, `${path}.away`);
  await eventually("the problem", () => files.state.problems.length === 1);
  expect(contentOf(files)).toEqual({ [path]: "one" });
  await writeFile(`${path}.tmp`, "two");
  await rename(`${path}.tmp`, path);
  await eventually("the file", () => files.state.problems.length === 0 && contentOf(files)[path] === "two");
  await files.close();
});
