/**
 * Changes of headers, and which wins where a rule and its backends change the same.
 */
import { describe, expect, it } from "vitest";
import type { HeaderChanges } from "../../../src/model/intent-filter.ts";
import { placeHeaders, translateHeaders } from "../../../src/translate/header-changes.ts";
import { place } from "../../support/build-intent.ts";

function changes(rest: Partial<HeaderChanges>): HeaderChanges {
  return { at: place(), set: [], add: [], remove: [], ...rest };
}

const ofRule = changes({
  set: [{ name: "a", value: "rule" }],
  add: [{ name: "b", value: "rule" }],
  remove: ["c"],
});

describe("translateHeaders", () => {
  it("sets, adds and removes, with values as they are written", () => {
    const requestHeaders = changes({
      set: [{ name: "a", value: "100 %" }],
      add: [{ name: "b", value: "1" }],
      remove: ["c"],
    });
    expect(translateHeaders({ requestHeaders, responseHeaders: changes({ remove: ["server"] }) })).toEqual({
      requestHeadersToAdd: [
        { header: { key: "a", value: "100 %%" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
        { header: { key: "b", value: "1" }, appendAction: "APPEND_IF_EXISTS_OR_ADD" },
      ],
      requestHeadersToRemove: ["c"],
      responseHeadersToRemove: ["server"],
    });
  });

  it("gives no fields for a change that changes nothing", () => {
    expect(translateHeaders({ requestHeaders: changes({}) })).toEqual({});
  });
});

describe("placeHeaders", () => {
  it("leaves what the rule changes at the route while no backend changes the same side", () => {
    const responseHeaders = changes({ set: [{ name: "x", value: "canary" }] });
    expect(placeHeaders({ requestHeaders: ofRule }, [{}, { responseHeaders }])).toEqual({
      route: { requestHeaders: ofRule },
      backends: [{}, { responseHeaders }],
    });
  });

  it("puts it below that of each backend where one does", () => {
    const own = changes({ set: [{ name: "a", value: "own" }], add: [{ name: "b", value: "own" }], remove: ["d"] });
    expect(placeHeaders({ requestHeaders: ofRule }, [{}, { requestHeaders: own }])).toEqual({
      route: {},
      backends: [
        { requestHeaders: ofRule },
        {
          requestHeaders: {
            at: place(),
            set: [{ name: "a", value: "own" }],
            add: [
              { name: "b", value: "rule" },
              { name: "b", value: "own" },
            ],
            remove: ["c", "d"],
          },
        },
      ],
    });
  });

  it("lets a backend remove what the rule sets", () => {
    const own = changes({ remove: ["a", "b"] });
    const { backends } = placeHeaders({ responseHeaders: ofRule }, [{ responseHeaders: own }, {}]);
    expect(backends[0]?.responseHeaders).toMatchObject({ set: [], add: [], remove: ["c", "a", "b"] });
  });

  it("puts all changes at the route when there is one backend", () => {
    const own = changes({ set: [{ name: "a", value: "own" }] });
    const { route, backends } = placeHeaders({ requestHeaders: ofRule }, [{ requestHeaders: own }]);
    expect(route.requestHeaders?.set).toEqual([{ name: "a", value: "own" }]);
    expect(backends).toEqual([{}]);
  });
});
