/**
 * What a change of a listener does to open connections; `test/envoy/plan.test.ts` holds it against Envoys.
 */
import { describe, expect, test } from "vitest";
import type { JsonMap } from "../../../src/snapshot/field-changes.ts";
import { addedListener, listenerEffects, removedListener } from "../../../src/snapshot/listener-effects.ts";

const at = (port: number, rest: JsonMap = {}): JsonMap => ({
  address: { socket_address: { address: "0.0.0.0", port_value: port, ...rest } },
});
const chain = (name: string, idle = 1): JsonMap => ({ name, filters: [{ name: "hcm", idle }] });

const listener = (rest: JsonMap = {}): JsonMap => ({
  ...at(80),
  filter_chains: [chain("a"), chain("b")],
  listener_filters: [{ name: "x" }, { name: "y" }],
  ...rest,
});

const told = (before: JsonMap, after: JsonMap): readonly string[] =>
  listenerEffects(before, after).map(({ kind, text }) => `${kind}: ${text}`);

describe("listenerEffects", () => {
  test("a chain that changes drains its own connections and no others", () => {
    expect(told(listener(), listener({ filter_chains: [chain("a", 2), chain("b")] }))).toEqual([
      "filter-chains-drained: in place, on the same socket: the connections of the filter chain `a` are drained; those of 1 other go on",
    ]);
    expect(told(listener(), listener({ filter_chains: [chain("c")] }))).toEqual([
      "filter-chains-drained: in place, on the same socket: the connections of the filter chains `a`, `b` are drained",
    ]);
  });

  test("the default chain is one of them", () => {
    const [before, after] = [chain("", 1), chain("", 2)];
    expect(told(listener({ default_filter_chain: before }), listener({ default_filter_chain: after }))).toEqual([
      "filter-chains-drained: in place, on the same socket: the connections of 1 filter chain are drained; those of 2 others go on",
    ]);
  });

  test("a chain more, another order of chains and how they are chosen drain nothing", () => {
    expect(told(listener(), listener({ filter_chains: [chain("a"), chain("b"), chain("c")] }))).toEqual([
      "listener-in-place: 1 filter chain more, in place: no connection is drained",
    ]);
    const nothing = ["listener-in-place: in place: no connection is drained"];
    expect(told(listener(), listener({ filter_chains: [chain("b"), chain("a")] }))).toEqual(nothing);
    expect(told(listener(), listener({ filter_chain_matcher: { on_no_match: {} } }))).toEqual(nothing);
  });

  test("another order of filters in a chain is another chain", () => {
    const filters = [{ name: "one" }, { name: "two" }];
    const [before, after] = [filters, filters.toReversed()].map((each) =>
      listener({ filter_chains: [{ filters: each }] }),
    );
    expect(listenerEffects(before ?? {}, after ?? {})[0]?.kind).toBe("filter-chains-drained");
  });

  test("any other field drains all of it, but not the order of its lists, which Envoy does not look at", () => {
    expect(told(listener(), listener({ per_connection_buffer_limit_bytes: 1 }))).toEqual([
      "listener-drained: replaced as a whole: every connection that is open on it is drained",
    ]);
    expect(told(listener(), listener({ listener_filters: [{ name: "y" }, { name: "x" }] }))).toEqual([
      "listener-in-place: in place: no connection is drained",
    ]);
  });

  test("UDP, a chain that is the last to go and the PROXY protocol of old are never done in place", () => {
    const udp = { ...at(80, { protocol: "UDP" }), filter_chains: [chain("a")] };
    expect(told(udp, { ...udp, filter_chains: [chain("b")] })).toEqual([
      "listener-drained: replaced as a whole: the sessions that are open are drained",
    ]);
    expect(listenerEffects(listener(), listener({ filter_chains: [] }))[0]?.kind).toBe("listener-drained");
    const proxied = listener({ filter_chains: [{ ...chain("a"), use_proxy_proto: true }] });
    expect(listenerEffects(listener(), proxied)[0]?.kind).toBe("listener-drained");
  });

  test("a port that moves refuses connections, one that comes beside it does not", () => {
    expect(told(listener(), listener(at(81)))).toEqual([
      "listener-moved: moves from 0.0.0.0:80 to 0.0.0.0:81: what is open is drained, and 0.0.0.0:80 refuses connections",
    ]);
    expect(listenerEffects(listener(), listener({ additional_addresses: [at(81)] }))[0]?.kind).toBe("listener-drained");
  });

  test("what Envoy refuses to change is told", () => {
    expect(listenerEffects(listener(), listener({ enable_reuse_port: false }))[0]?.kind).toBe("listener-refused");
    expect(listenerEffects(listener(), listener({ enable_reuse_port: true }))[0]?.kind).toBe("listener-drained");
  });
});

test("a listener that goes leaves its address to nobody, or to another", () => {
  expect(removedListener(listener(), undefined).text).toBe(
    "nobody listens on 0.0.0.0:80 any more; what is open is drained",
  );
  expect(removedListener(listener(), "new/http").text).toBe(
    "what is open is drained; new connections on 0.0.0.0:80 go to `new/http`, and none is refused",
  );
  expect(addedListener(listener()).text).toBe("listens on 0.0.0.0:80");
});
