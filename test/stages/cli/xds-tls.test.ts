/**
 * The files of the xDS port as they change.
 */
import { X509Certificate } from "node:crypto";
import { copyFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { XdsTls } from "../../../src/cli/xds-tls.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { certificatesDir, pem } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("a pair that does not fit is told and changes nothing, and one that does is told with its end", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir());
  const put = async (name: string, as: string) => {
    await copyFile(join(certificatesDir, name), directory.join("next"));
    await rename(directory.join("next"), directory.join(as));
  };
  await put("one.pem", "xds.pem");
  await put("one.key", "xds.key");
  const warnings: string[] = [];
  const paths = { cert: directory.join("xds.pem"), key: directory.join("xds.key") };
  const { files } = await XdsTls.open({ paths, clock: systemClock, onWarning: (text) => warnings.push(text) });
  stack.defer(() => files.close());
  const told: Parameters<Parameters<typeof files.follow>[0]>[0][] = [];
  files.follow((renewal) => told.push(renewal));

  await put("one-renewed.key", "xds.key");
  await eventually("the mistake", () => told.length > 0);
  expect(told).toEqual([{ ok: false, error: [expect.stringContaining(`--xds-key ${paths.key}`)] }]);

  await put("one-renewed.pem", "xds.pem");
  await eventually("the renewal", () => told.length > 1);
  const validUntilMs = Date.parse(new X509Certificate(pem("one-renewed.pem")).validTo);
  const tls = { cert: pem("one-renewed.pem"), key: pem("one-renewed.key"), clientCa: undefined };
  expect(told[1]).toEqual({ ok: true, value: { tls, validUntilMs, isValidNow: true } });

  await put("expired.key", "xds.key");
  await put("expired.pem", "xds.pem");
  await eventually("the old one", () => told.some((renewal) => renewal.ok && !renewal.value.isValidNow));
  expect(warnings).toEqual([]);
});
