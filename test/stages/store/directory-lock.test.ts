/** Who gets a lock when starts interleave. */
import * as promises from "node:fs/promises";

import { expect, test } from "vitest";

import { lockDirectory } from "../../../src/store/directory-lock.ts";
import { systemPort } from "../../../src/store/store-port.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("a start that was overtaken twice between its look and its grasp does not get in", async () => {
  await using directory = await tempDir();
  let overtaken = false;
  const link: typeof promises.link = async (from, to) => {
    if (!overtaken) {
      overtaken = true;
      await (await lockDirectory(systemPort, directory.path)).release();
      await lockDirectory(systemPort, directory.path);
    }
    await promises.link(from, to);
  };
  const late = lockDirectory({ ...systemPort, link }, directory.path);
  await expect(late).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
  expect(await promises.readdir(directory.path)).toEqual(["lock.2"]);
});

test("a lock that was released is taken by the next", async () => {
  await using directory = await tempDir();
  for (let round = 1; round <= 3; round += 1) {
    const lock = await lockDirectory(systemPort, directory.path);
    await expect(lockDirectory(systemPort, directory.path)).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
  }
  expect(await promises.readdir(directory.path)).toEqual(["lock.3"]);
});
