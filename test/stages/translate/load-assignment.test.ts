/**
 * Endpoints as load assignments.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { translateLoadAssignment } from "../../../src/translate/load-assignment.ts";
import { endpoint } from "../../support/build-intent.ts";

describe("translateLoadAssignment", () => {
  it("groups endpoints by priority and locality, and weighs each group by its endpoints", () => {
    const assignment = translateLoadAssignment("reviews", [
      endpoint(3, { locality: { region: "us" }, priority: 1 }),
      endpoint(2, { locality: { region: "eu", zone: "b", subZone: "r7" }, weight: 5 }),
      endpoint(1, { locality: { region: "eu", zone: "a" }, weight: 100 }),
      endpoint(4, { locality: { region: "eu", zone: "a" } }),
    ]);
    expect(assignment.endpoints).toMatchObject([
      { locality: { region: "eu", zone: "a" }, priority: 0, loadBalancingWeight: 101 },
      { locality: { region: "eu", zone: "b", subZone: "r7" }, priority: 0, loadBalancingWeight: 5 },
      { locality: { region: "us" }, priority: 1, loadBalancingWeight: 1 },
    ]);
    expect(assignment.endpoints?.[0]?.lbEndpoints?.map((host) => host.loadBalancingWeight)).toEqual([100, undefined]);
  });

  it("has a locality and a weight even for endpoints without one, for gRPC's own clients", () => {
    expect(translateLoadAssignment("reviews", [endpoint(1)])).toEqual({
      clusterName: "reviews",
      endpoints: [
        {
          locality: {},
          priority: 0,
          loadBalancingWeight: 1,
          lbEndpoints: [{ endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: 1 } } } }],
        },
      ],
    });
  });

  it("puts labels, sorted, where Envoy's load balancers look", () => {
    const assignment = translateLoadAssignment("reviews", [endpoint(1, { labels: { version: "v1", build: "7" } })]);
    expect(JSON.stringify(assignment)).toContain('"filterMetadata":{"envoy.lb":{"build":"7","version":"v1"}}');
  });

  it("passes a written health on, and leaves the rest to Envoy", () => {
    const endpoints = [endpoint(1, { health: "draining" }), endpoint(2, { health: "unhealthy" }), endpoint(3)];
    const statuses = translateLoadAssignment("reviews", endpoints).endpoints?.[0]?.lbEndpoints?.map(
      ({ healthStatus }) => healthStatus,
    );
    expect(statuses).toEqual(["DRAINING", "UNHEALTHY", undefined]);
  });

  it("does not depend on the order of the endpoints", () => {
    const endpoints = [5, 1, 80, 8080, 9].map((port) =>
      endpoint(port, { priority: port % 2, locality: { region: `r${port % 3}` }, host: `10.0.0.${port % 4}` }),
    );
    const expected = JSON.stringify(translateLoadAssignment("reviews", endpoints));
    fc.assert(
      fc.property(fc.shuffledSubarray(endpoints, { minLength: endpoints.length }), (shuffled) => {
        expect(JSON.stringify(translateLoadAssignment("reviews", shuffled))).toBe(expected);
      }),
    );
  });
});
