/**
 * Datagrams that a real Envoy passes on: each client keeps its endpoint, until it was silent for too long.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startScene } from "./scene.ts";

test("datagrams go to one endpoint for each client and come back, silent clients are forgotten, and a route that changes takes effect with the next datagram", async () => {
  await using a = await startServer("a");
  await using b = await startServer("b");
  await using c = await startServer("c");
  const config = (port: number, service: string) => `
gateways: { public: { listeners: [{ name: udp, port: ${port}, address: 127.0.0.1, protocol: UDP }] } }
services:
  both: { endpoints: ["${a.address}", "${b.address}"] }
  other: { endpoints: ["${c.address}"] }
udpRoutes: { all: { backends: [{ service: ${service} }], timeouts: { idle: 3s } } }
`;
  await using scene = await startScene({ backends: 0, config: ({ port }) => config(port, "both") });
  await using first = await openClient(scene.port);
  await using second = await openClient(scene.port);
  await waitUntil(async () => (await first.ask("x", 200)) !== undefined, { what: "the listener" });
  const answers = [];
  for (let count = 0; count < 5; count += 1) answers.push(await first.ask(`${count}`));
  const [label = ""] = answers[0] ?? "";
  expect(answers).toEqual(["0", "1", "2", "3", "4"].map((word) => `${label}${word}`));
  expect([`a!`, `b!`]).toContain(await second.ask("!"));
  const active = () => scene.envoy.counter("udp.public/udp.downstream_sess_active");
  expect(await active()).toBe(2);
  await waitUntil(async () => (await active()) === 0, { what: "the sessions to be forgotten", timeoutMs: 30_000 });
  const before = await scene.served();
  await scene.save(config(scene.port, "other"));
  await scene.converged(before);
  await waitUntil(async () => (await first.ask("new", 200)) === "cnew", { what: "the new route" });
});

test.each(["1.40", "1.36"] as const)(
  "new clients are shared among the endpoints of a service by weight, with Envoy %s",
  async (version) => {
    await using a = await startServer("a");
    await using b = await startServer("b");
    const config = ({ port }: { readonly port: number }) => `
gateways: { public: { listeners: [{ name: udp, port: ${port}, address: 127.0.0.1, protocol: UDP }] } }
services:
  both: { endpoints: [{ address: "${a.address}", weight: 3 }, { address: "${b.address}", weight: 1 }] }
udpRoutes: { all: { backends: [{ service: both }] } }
`;
    await using scene = await startScene({ backends: 0, config, envoy: { version } });
    const answers: (string | undefined)[] = [];
    for (let count = 0; count < 40; count += 1) {
      await using client = await openClient(scene.port);
      await waitUntil(
        async () => {
          const answer = await client.ask("!", 1_000);
          if (answer !== undefined) answers.push(answer);
          return answer !== undefined;
        },
        { what: "an answer" },
      );
    }
    expect(Map.groupBy(answers, (answer) => answer).get("a!")).toHaveLength(30);
  },
);

/** Answers each datagram with its label and the datagram. */
async function startServer(label: string): Promise<{ readonly address: string } & AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", (message, { port, address }) => socket.send(`${label}${message.toString()}`, port, address));
  await bind(socket);
  return { address: `127.0.0.1:${socket.address().port}`, [Symbol.asyncDispose]: () => close(socket) };
}

/** Asks from one port, as one client does; a datagram may be lost, so an answer may be missing, or come after the next question. */
async function openClient(port: number) {
  const socket = createSocket("udp4");
  await bind(socket);
  return {
    async ask(word: string, patienceMs = 5_000): Promise<string | undefined> {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      const timer = setTimeout(() => resolve(undefined), patienceMs);
      const hear = (message: Buffer): void => {
        if (message.toString().slice(1) === word) resolve(message.toString());
      };
      socket.on("message", hear);
      socket.send(word, port, "127.0.0.1");
      return promise.finally(() => {
        clearTimeout(timer);
        socket.off("message", hear);
      });
    },
    [Symbol.asyncDispose]: () => close(socket),
  };
}

async function bind(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
}

async function close(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.close(resolve));
}
