/**
 * `--descriptor-set` as commands take it: one or several, compressed or not, and told what is wrong.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { Command, CommanderError } from "commander";
import { expect, test } from "vitest";
import type { DescriptorSetFlags } from "../../../src/cli/descriptor-set-option.ts";
import { descriptorSetOption, openEnvoyApi } from "../../../src/cli/descriptor-set-option.ts";
import { tempDir } from "../../support/temp-dir.ts";

const widget = fileURLToPath(new URL("../model/private-types/widget.binpb.gz", import.meta.url));

/** What a command would work with, or what it would say. */
function open(...args: readonly string[]): ReturnType<typeof openEnvoyApi> | string {
  let said = "";
  const command = new Command("check")
    .addOption(descriptorSetOption())
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text) });
  command.parse(args, { from: "user" });
  try {
    return openEnvoyApi(command.opts<DescriptorSetFlags>(), command);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 2) return said;
    throw error;
  }
}

test("a set is read compressed or not, alone or with others, and none is needed", async () => {
  await using directory = await tempDir();
  const plain = directory.join("widget.binpb");
  await writeFile(plain, gunzipSync(await readFile(widget)));
  for (const args of [[widget], [plain], [plain, widget]]) {
    const opened = open(...args.flatMap((path) => ["--descriptor-set", path]));
    if (typeof opened === "string") throw new Error(opened);
    expect(opened.api.descriptor("type.googleapis.com/acme.v1.Widget")?.name).toBe("Widget");
    expect(opened.sets.length).toBe(args.length);
  }
  expect(open()).toMatchObject({ sets: [] });
});

test("what is wrong with a set ends the command with a sentence for each and exit code 2", async () => {
  await using directory = await tempDir();
  const text = directory.join("widget.proto");
  await writeFile(text, 'syntax = "proto3";\n');
  const bomb = directory.join("bomb.gz");
  await writeFile(bomb, gzipSync(Buffer.alloc(33 * 1024 * 1024)));
  const missing = directory.join("none.binpb");
  const opened = open("--descriptor-set", missing, "--descriptor-set", bomb, "--descriptor-set", directory.path);
  expect(opened).toContain(`error: --descriptor-set ${missing}: ENOENT`);
  expect(opened).toContain(`error: --descriptor-set ${bomb}: more than 32 MiB`);
  expect(opened).toContain(`error: --descriptor-set ${directory.path}: this is no regular file`);
  expect(open("--descriptor-set", text)).toContain(`error: --descriptor-set ${text}: this is no descriptor set`);
});
