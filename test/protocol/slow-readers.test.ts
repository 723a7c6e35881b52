/**
 * Readers that never read, beside healthy ones. The dead ones are neither cut off nor passed over here, because
 * no sweep ever comes: whatever the healthy ones get, they get while the dead ones hold all that they can.
 */
import { expect, test } from "vitest";
import { DeltaDiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { frameMessage } from "../../src/grpc/message-frames.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { systemClock } from "../../src/support/clock.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import type { StreamEvent } from "../../src/xds/stream-event.ts";
import { discoveryMethods } from "../../src/xds/services.ts";
import { RawClient } from "../stages/grpc/raw-grpc.ts";
import { eventually } from "../support/eventually.ts";
import { snapshotOf } from "./services-snapshot.ts";

const { endpoints } = typeUrls;
const EDS = discoveryMethods.find(({ typeUrl, variant }) => typeUrl === endpoints && variant === "delta")?.path ?? "";
const HEALTHY = 300;
const DEAD = 50;
const PUSHES = 3;

test("fifty of them take nothing from three hundred healthy ones", async () => {
  await using stack = new AsyncDisposableStack();
  const acked = new Map<string, number>();
  const emit = (events: readonly StreamEvent[]) => {
    for (const event of events) if (event.kind === "acked") acked.set(event.nodeId, (acked.get(event.nodeId) ?? 0) + 1);
  };
  const transport = { limits: { sweepMs: 2_000_000_000 } };
  const server = new AdsServer({ clock: systemClock, identifier: "test", transport, earlier: () => [], emit });
  stack.defer(() => server.close());
  const port = await server.listen("127.0.0.1:0");
  const publish = async (push: number) => {
    // Longer than any window, so that a reader that does not read keeps what it can.
    const hosts = Array.from({ length: 2_000 }, (_, index) => `10.${push}.${index >> 8}.${index & 255}:80`);
    const snapshot = snapshotOf({ a: 1 }, hosts);
    const groups = [{ name: snapshot.group, match: {} }];
    await server.publish({ groups, snapshots: new Map([[snapshot.group, snapshot]]) });
  };
  await publish(0);

  const send = (request: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]) =>
    frameMessage(DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial(request)).finish());
  const open = (nodeId: string, reads: boolean) => {
    const client = stack.use(new RawClient(port));
    const call = client.call(EDS, { reads });
    call.stream.write(send({ node: { id: nodeId }, resourceNamesSubscribe: ["a"] }));
    return call;
  };
  for (let index = 0; index < DEAD; index += 1) open(`dead-${index}`, false);
  const calls = Array.from({ length: HEALTHY }, (_, index) => open(`healthy-${index}`, true));
  const acknowledged = Array.from({ length: HEALTHY }, () => 0);
  const healthyAt = (count: number) => () => {
    for (const [index, call] of calls.entries()) {
      const message = call.messages[acknowledged[index]!];
      if (message === undefined) continue;
      acknowledged[index]! += 1;
      const nonce = nonceOf(message);
      call.stream.write(send({ responseNonce: nonce }));
    }
    return calls.every((_, index) => (acked.get(`healthy-${index}`) ?? 0) >= count);
  };
  for (let push = 0; push < PUSHES; push += 1) {
    if (push > 0) await publish(push);
    await eventually(`every ACK of push ${push}`, healthyAt(push + 1), { timeoutMs: 20_000 });
  }
  expect(server.streamsCount).toBe(HEALTHY + DEAD);
  expect([...acked.keys()].filter((nodeId) => nodeId.startsWith("dead"))).toEqual([]);
}, 60_000);

/** Field 5 of the response; the resources before it are long, so it is not decoded as a whole. */
function nonceOf(message: Buffer): string {
  const at = message.indexOf(Buffer.from(endpoints), message.length < 2_000 ? 0 : undefined);
  const after = at + endpoints.length;
  return message.subarray(after + 2, after + 2 + (message[after + 1] ?? 0)).toString();
}
