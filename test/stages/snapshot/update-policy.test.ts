/**
 * The defaults of rolling a change in.
 */
import { describe, expect, it } from "vitest";
import { updatePolicy } from "../../../src/snapshot/update-policy.ts";
import {
  backend,
  buildIntent,
  gateway,
  group,
  helloIntent,
  place,
  route,
  rule,
  service,
} from "../../support/build-intent.ts";

function withTimeouts(...requestMs: readonly number[]): ReturnType<typeof buildIntent> {
  const rules = requestMs.map((ms, index) =>
    rule(`r${index}`, [backend("a")], { timeouts: { at: place(), requestMs: ms } }),
  );
  return buildIntent({ gateways: [gateway("public")], services: [service("a")], routes: [route("r", rules)] });
}

describe("updatePolicy", () => {
  it("writes the defaults out", () => {
    expect(updatePolicy(group("default"), helloIntent())).toEqual({
      graceMs: 30_000,
      deadlineMs: 15_000,
      onDeadline: "hold",
      drainMs: 600_000,
    });
  });

  it("waits as long as the group's longest request, not counting those without a limit", () => {
    expect(updatePolicy(group("default"), withTimeouts(90_000, 0, 1_000)).graceMs).toBe(90_000);
    expect(updatePolicy(group("other"), withTimeouts(90_000)).graceMs).toBe(30_000);
  });

  it("takes the timeouts of attached policies into account", () => {
    const timeouts = { at: place(), requestMs: 120_000 };
    const slow = { at: place(), policy: { name: "slow", at: place(), timeouts } };
    const intent = { ...helloIntent(), gateways: [gateway("public", { policies: [slow] })] };
    expect(updatePolicy(group("default"), intent).graceMs).toBe(120_000);
  });

  it("keeps clusters as long as the longest drain time that a gateway of the group names", () => {
    const drain = (timeMs: number) => ({ drain: { at: place(), timeMs } });
    const gateways = [gateway("a", drain(60_000)), gateway("b", drain(90_000)), gateway("c")];
    const intent = { ...helloIntent(), gateways };
    expect(updatePolicy(group("default"), intent).drainMs).toBe(90_000);
    expect(updatePolicy(group("other"), intent).drainMs).toBe(600_000);
  });

  it("does what the group says", () => {
    const updates = { graceMs: 0, deadlineMs: 1, onDeadline: "proceed" } as const;
    expect(updatePolicy(group("default", { updates }), withTimeouts(90_000))).toMatchObject(updates);
  });
});
