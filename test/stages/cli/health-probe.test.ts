/** What is said of a service that does not answer, and how often. */
import { createServer } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { freePort } from "../../../demo/kit/ports.ts";
import { HealthProbe } from "../../../src/cli/health-probe.ts";
import { eventually } from "../../support/eventually.ts";

function watch(port: number, remindMs: number) {
  const said: string[] = [];
  const probe = new HealthProbe({
    host: "127.0.0.1",
    port,
    path: undefined,
    intervalMs: 20,
    remindMs,
    onChange: (isHealthy) => said.push(isHealthy ? "well" : "ill"),
    onWaiting: () => said.push("waiting"),
  });
  return { said, [Symbol.dispose]: () => probe.close() };
}

test("a service that is down, from the start or later, is told again now and then", async () => {
  const port = await freePort();
  using watched = watch(port, 200);
  await eventually("it to be told twice", () => watched.said.length >= 2);
  expect(watched.said).toEqual(["waiting", "waiting"]);
  const server = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  await once(server, "listening");
  await eventually("it to be well", () => watched.said.at(-1) === "well");
  server.close();
  await eventually("it to be told again", () => watched.said.at(-1) === "waiting" && watched.said.includes("ill"));
});
