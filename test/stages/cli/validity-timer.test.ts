/**
 * That a certificate's end is told when it comes, although nobody has changed anything.
 */
import { expect, test } from "vitest";
import { ValidityTimer } from "../../../src/cli/validity-timer.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { configOf, RunningPlane } from "../../invariants/running-plane.ts";
import { certificatesDir } from "../../support/certificates.ts";

test("tells the moments of what it follows, and of nothing that it followed before", async () => {
  const { promise: told, resolve } = Promise.withResolvers<number>();
  const timer = new ValidityTimer({ clock: systemClock, onMoment: () => resolve(systemClock.nowMs()) });
  const fromMs = systemClock.nowMs() - 1_000;
  timer.follow([{ fromMs, toMs: systemClock.nowMs() + 1 }]);
  const toMs = systemClock.nowMs() + 60;
  timer.follow([{ fromMs: toMs - 1, toMs }]);
  const alive = setTimeout(() => resolve(0), 5_000);
  expect(await told).toBeGreaterThanOrEqual(toMs - 1);
  clearTimeout(alive);
});

test("a server that runs warns of a certificate when its last week begins, and serves what it served", async () => {
  const pair = `{ certificate: { file: ${certificatesDir}/one.pem }, privateKey: { file: ${certificatesDir}/one.key } }`;
  const listener = "{ name: https, port: 10001, protocol: HTTPS, hostnames: [one.test], tls: { secret: one } }";
  const more = `secrets: { one: ${pair} }\n---\ngateways: { tls: { listeners: [${listener}] } }`;
  const weekBefore = Date.UTC(2119, 11, 25);
  await using running = await RunningPlane.start({
    files: { "main.yaml": configOf({ shop: "127.0.0.1:1" }, more) },
    // Enough for the first build.
    aheadMs: weekBefore - 1_500 - systemClock.nowMs(),
  });
  const version = await running.newVersion();
  const told = await running.event("source-warning");
  expect(told.diagnostics).toMatchObject([
    { code: "certificate-dates", message: expect.stringMatching(/one\.pem expires on 2120-01-01$/) as string },
  ]);
  expect(running.plane.validities).toMatchObject([{ secret: "one", toMs: Date.UTC(2120, 0, 1) }]);
  expect(running.version()).toBe(version);
  expect(running.all("config-accepted").length).toBe(1);
});
