/**
 * Which policy holds: the nearest, part by part, and different on each gateway.
 */
import { describe, expect, it } from "vitest";
import type { AttachedPolicy, PolicyParts, Timeouts } from "../../../src/model/intent-policy.ts";
import { effectivePolicy } from "../../../src/translate/effective-policy.ts";
import { backend, gateway, place, route, rule } from "../../support/build-intent.ts";

function timeouts(requestMs: number): Timeouts {
  return { at: place(requestMs), requestMs };
}

/** Attached in the line after that where the policy is. */
function attached(name: string, line: number, parts: PolicyParts): AttachedPolicy {
  return { at: place(line + 1), policy: { name, at: place(line), ...parts } };
}

const retry = { at: place(7), attempts: 2, on: ["reset"] };
const ofGateway = attached("of-gateway", 10, { timeouts: timeouts(1), retry });
const ofRoute = attached("of-route", 20, { timeouts: timeouts(2) });
const ofRule = attached("of-rule", 30, { timeouts: timeouts(3) });

/** What holds for a rule at which the given levels say something. */
function holding(...levels: readonly ("gateway" | "route" | "rule" | "inline")[]) {
  const has = (level: (typeof levels)[number]): boolean => levels.includes(level);
  const written = rule("main", [backend("a")], {
    policies: has("rule") ? [ofRule] : [],
    ...(has("inline") ? { timeouts: timeouts(4) } : {}),
  });
  return effectivePolicy(
    gateway("public", { policies: has("gateway") ? [ofGateway] : [] }),
    route("r", [written], { policies: has("route") ? [ofRoute] : [] }),
    written,
  );
}

describe("effectivePolicy", () => {
  it("has nothing where nobody says anything", () => {
    expect(holding()).toEqual({});
  });

  it("takes what the rule says itself before any policy", () => {
    expect(holding("inline", "rule", "route", "gateway").timeouts).toEqual({
      value: timeouts(4),
      at: place(4),
      from: { kind: "inline" },
    });
  });

  it.each([
    ["rule", "of-rule", 3, 31, holding("rule", "route", "gateway")],
    ["route", "of-route", 2, 21, holding("route", "gateway")],
    ["gateway", "of-gateway", 1, 11, holding("gateway")],
  ] as const)("takes the policy of the %s where nothing is nearer", (level, policy, value, line, found) => {
    expect(found.timeouts).toEqual({
      value: timeouts(value),
      at: place(value),
      from: { kind: "policy", policy, level, attachedAt: place(line) },
    });
  });

  it("takes each part from where it is nearest, and never mixes two of the same", () => {
    const found = holding("inline", "gateway");
    expect(found.timeouts?.value).toEqual(timeouts(4));
    expect(found.retry).toMatchObject({ value: retry, from: { policy: "of-gateway", level: "gateway" } });
    expect(found).not.toHaveProperty("requestHeaders");
  });

  it("finds the one of several policies at a level that holds the part", () => {
    const headers = attached("headers", 40, { requestHeaders: { at: place(41), set: [], add: [], remove: ["a"] } });
    const written = rule("main", [backend("a")]);
    const found = effectivePolicy(
      gateway("public", { policies: [ofGateway, headers] }),
      route("r", [written]),
      written,
    );
    expect(found.requestHeaders?.value.remove).toEqual(["a"]);
    expect(found.retry?.value).toBe(retry);
  });
});
