/**
 * What happens to a matched request.
 */
import { describe, expect, it } from "vitest";
import type { Rule } from "../../../src/model/intent-route.ts";
import { translateRouteAction } from "../../../src/translate/route-action.ts";
import { backend, match, place, rule } from "../../support/build-intent.ts";

const retry = {
  at: place(),
  attempts: 2,
  on: ["5xx", "reset"],
  perTryTimeoutMs: 250,
  backoff: { baseMs: 25, maxMs: 1_000 },
};
const anyMatch = match({ kind: "prefix", path: "/" });
const one = [backend("reviews|stable")];

/** What every retry has unless it is told otherwise. */
const onAnotherHost = {
  retryHostPredicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
      },
    },
  ],
  hostSelectionRetryMaxAttempts: "5",
};

describe("translateRouteAction", () => {
  it.each<[string, Rule, object]>([
    ["sends everything to a single backend", rule("r", one), { cluster: "reviews|stable", timeout: "15s" }],
    [
      "keeps the written order of several backends, and the one with weight 0",
      rule("r", [backend("reviews|stable", 100), backend("reviews|canary", 0)]),
      {
        weightedClusters: {
          clusters: [
            { name: "reviews|stable", weight: 100 },
            { name: "reviews|canary", weight: 0 },
          ],
        },
        timeout: "15s",
      },
    ],
    [
      "passes timeouts on, 0 for none",
      rule("r", one, { timeouts: { at: place(), requestMs: 0, idleMs: 1_500 } }),
      { cluster: "reviews|stable", timeout: "0s", idleTimeout: "1.5s" },
    ],
    [
      "passes retries on",
      rule("r", one, { retry }),
      {
        cluster: "reviews|stable",
        timeout: "15s",
        retryPolicy: {
          retryOn: "5xx,reset",
          numRetries: 2,
          perTryTimeout: "0.25s",
          ...onAnotherHost,
          retryBackOff: { baseInterval: "0.025s", maxInterval: "1s" },
        },
      },
    ],
    [
      "limits a single try where nothing is tried again",
      rule("r", one, { timeouts: { at: place(), backendRequestMs: 500 } }),
      { cluster: "reviews|stable", timeout: "15s", retryPolicy: { numRetries: 0, perTryTimeout: "0.5s" } },
    ],
    [
      "limits a single try by the shorter of two limits",
      rule("r", one, {
        timeouts: { at: place(), backendRequestMs: 500 },
        retry: { at: place(), attempts: 1, on: ["reset"], perTryTimeoutMs: 800 },
      }),
      {
        cluster: "reviews|stable",
        timeout: "15s",
        retryPolicy: { retryOn: "reset", numRetries: 1, perTryTimeout: "0.5s", ...onAnotherHost },
      },
    ],
    [
      "does not limit a single try by 0",
      rule("r", one, { timeouts: { at: place(), backendRequestMs: 0 } }),
      { cluster: "reviews|stable", timeout: "15s" },
    ],
    [
      "mirrors to clusters, all requests or a share in whole numbers",
      rule("r", one, {
        mirrors: [
          { at: place(), service: "audit" },
          { at: place(), service: "reviews", subset: "canary", percent: 12.5 },
        ],
      }),
      {
        cluster: "reviews|stable",
        timeout: "15s",
        requestMirrorPolicies: [
          { cluster: "audit||mirror", runtimeFraction: { defaultValue: { numerator: 100, denominator: "HUNDRED" } } },
          {
            cluster: "reviews|canary|mirror",
            runtimeFraction: { defaultValue: { numerator: 125_000, denominator: "MILLION" } },
          },
        ],
      },
    ],
    [
      "rewrites host and path",
      rule("r", one, { rewrite: { at: place(), hostname: "inside", path: { kind: "full", path: "/a\\1" } } }),
      {
        cluster: "reviews|stable",
        timeout: "15s",
        hostRewriteLiteral: "inside",
        regexRewrite: { pattern: { regex: "^/.*$" }, substitution: "/a\\\\1" },
      },
    ],
  ])("%s", (_, written, expected) => {
    const { timeouts, retry: retries } = written;
    const policy = { timeouts, retry: retries, upgrades: undefined, backendHeaders: [] };
    expect(translateRouteAction(written, anyMatch, policy)).toEqual(expected);
  });

  it("takes a rule without backends for a bug of the parser", () => {
    expect(() =>
      translateRouteAction(rule("r", []), anyMatch, {
        timeouts: undefined,
        retry: undefined,
        upgrades: undefined,
        backendHeaders: [],
      }),
    ).toThrow("assertion failed");
  });
});
