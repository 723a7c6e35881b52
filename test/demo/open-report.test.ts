/**
 * When the demo opens a page by itself, and when it only says where it is.
 */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { openPage, openerFor } from "../../demo/open-report.ts";
import { tempDir } from "../support/temp-dir.ts";

describe("the opener of a page", () => {
  test.each([
    ["linux", { DISPLAY: ":0" }, "xdg-open"],
    ["linux", { WAYLAND_DISPLAY: "wayland-0" }, "xdg-open"],
    ["darwin", {}, "open"],
    ["linux", {}, undefined],
    ["linux", { DISPLAY: "" }, undefined],
    ["linux", { DISPLAY: ":0", CI: "true" }, undefined],
    ["darwin", { CI: "1" }, undefined],
    ["darwin", { CI: "false" }, "open"],
    ["win32", { DISPLAY: ":0" }, undefined],
  ] as const)("on %s with %j is %s", (platform, env, opener) => {
    expect(openerFor({ isTerminal: true, env, platform })).toBe(opener);
  });

  test("is none in a pipe", () => {
    expect(openerFor({ isTerminal: false, env: { DISPLAY: ":0" }, platform: "linux" })).toBeUndefined();
    expect(openerFor({ isTerminal: false, env: {}, platform: "darwin" })).toBeUndefined();
  });

  test("is started with the page, and where there is none it says so", async () => {
    await using directory = await tempDir();
    const seen = directory.join("seen");
    await writeFile(directory.join("xdg-open"), `#!/bin/sh\nprintf '%s' "$1" > "${seen}"\n`);
    await chmod(directory.join("xdg-open"), 0o755);
    const screen = { isTerminal: true, platform: "linux" } as const;
    const env = { DISPLAY: ":0", PATH: `${directory.path}:${process.env["PATH"] ?? ""}` };
    expect(await openPage("/tmp/a report.html", { ...screen, env })).toBe(true);
    const opened = async () => (await readFile(seen, "utf8")) === "/tmp/a report.html";
    await waitUntil(opened, { what: "the page to be opened" });
    expect(
      await openPage("/tmp/a report.html", { ...screen, env: { DISPLAY: ":0", PATH: directory.join("none") } }),
    ).toBe(false);
  });
});
