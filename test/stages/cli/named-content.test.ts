/**
 * Files and keys of etcd that documents name, together: both are read, both halves of a pair are waited for, and nobody says
 * of what waits that it is known.
 */
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { NamedContent } from "../../../src/cli/named-content.ts";
import { pathOfSecretKey } from "../../../src/config/etcd-secret-keys.ts";
import { systemClock as clock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { entry, listedEtcd } from "../config/listed-etcd.ts";

const PREFIX = "/fairway/secrets/";
const KEY = `${PREFIX}tls.key`;

test("two puts, one after the other, are one change, which is known of only when it was told", async () => {
  await using directory = await tempDir();
  const file = directory.join("ca.pem");
  await writeFile(file, "CA");
  const etcd = listedEtcd([entry(KEY, 3), entry(`${PREFIX}tls.crt`, 4)]);
  const changes: string[] = [];
  const named = new NamedContent({
    clock,
    etcd: etcd.port,
    onChange: ({ cause }) => changes.push(cause),
    onContact: () => undefined,
    onReached: () => undefined,
  });
  const keys = ["tls.crt", "tls.key"].map(pathOfSecretKey);
  await named.read([file, ...keys].toSorted());
  expect(named.state.documents.map(({ path }) => path)).toEqual([file, ...keys].toSorted());
  expect(named.state.etcd).toEqual(new Map([[PREFIX, 4]]));
  expect(named.input.reached).toEqual(new Map([[PREFIX, 10]]));

  const put = (key: string, revision: number) =>
    etcd.watched.get(PREFIX)?.changed([{ kind: "put", entry: entry(key, revision) }], revision);
  put(KEY, 11);
  put(`${PREFIX}tls.crt`, 12);
  expect(named.input.reached, "what waits is in no build").toEqual(new Map([[PREFIX, 4]]));
  await eventually("the change", () => changes.length > 0);
  expect(changes).toEqual([`etcd:${KEY} and 1 more`]);
  expect(named.state.etcd).toEqual(new Map([[PREFIX, 12]]));
  expect(named.input.reached).toEqual(new Map([[PREFIX, 12]]));

  await named.read([file]);
  expect(named.state.documents.map(({ path }) => path)).toEqual([file]);
  expect(etcd.watched.has(PREFIX)).toBe(false);
  expect(named.input.reached).toEqual(new Map());
  await named.close();
});
