/**
 * What the comparison with go-control-plane does before and after measuring; measuring itself needs Go and is no test.
 */
import { describe, expect, test } from "vitest";
import type { XdsRow } from "../../bench/xds/cell.ts";
import { isAtLeast } from "../../bench/xds/go-tools.ts";
import { readXdsOptions } from "../../bench/xds/options.ts";
import { compareRows, xdsTable } from "../../bench/xds/xds-table.ts";

function row(server: XdsRow["server"], changes: Partial<XdsRow> = {}): XdsRow {
  return {
    case: "endpoints",
    variant: "delta",
    streams: 100,
    clusters: 1_000,
    server,
    repetitions: 10,
    cpuMs: 5,
    p50Ms: 3.21,
    p99Ms: 45.67,
    maxMs: 123.4,
    bytesPerStream: 480,
    responsesPerStream: 1,
    peakMib: 130.4,
    ...changes,
  };
}

/** The cells of the lines that end before the notes, by the spaces between them. */
function cellsOf(table: string): readonly (readonly string[])[] {
  const lines = table.split("\n");
  return lines.slice(0, lines.indexOf("")).map((line) => line.trim().split(/ {2,}/));
}

describe("the table", () => {
  test("puts the servers of one case below each other and divides by Fairway's processor time", () => {
    const rows = [row("fairway"), row("fairway", { case: "cluster", cpuMs: 8 })];
    const peers = [row("go-control-plane", { cpuMs: 140 }), row("go-control-plane", { case: "cluster", cpuMs: 4 })];
    const compared = compareRows([...rows, ...peers]);
    expect(compared.map(({ case: name, server, timesFairway }) => [name, server, timesFairway])).toEqual([
      ["endpoints", "fairway", 1],
      ["endpoints", "go-control-plane", 28],
      ["cluster", "fairway", 1],
      ["cluster", "go-control-plane", 0.5],
    ]);
  });

  test("never compares fleets or configs of different sizes, nor variants", () => {
    const peers = [
      row("go-control-plane", { streams: 1_000 }),
      row("go-control-plane", { clusters: 10 }),
      row("go-control-plane", { variant: "sotw" }),
    ];
    expect(compareRows([row("fairway"), ...peers]).map(({ timesFairway }) => timesFairway)).toEqual([
      1,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("shows a dash for what was not measured, and two digits of the rest", () => {
    const [head = [], fairway = [], peer = []] = cellsOf(
      xdsTable(compareRows([row("fairway", { fixedCpuMs: 1.234 }), row("go-control-plane", { cpuMs: 1_400 })])),
    );
    const cell = (cells: readonly string[], title: string) => cells[head.indexOf(title)];
    expect(cell(fairway, "case")).toBe("one endpoint list changed");
    expect(cell(fairway, "fixed CPU ms")).toBe("1.23");
    expect(cell(fairway, "p50 ms")).toBe("3.21");
    expect(cell(fairway, "p99 ms")).toBe("45.7");
    expect(cell(fairway, "max ms")).toBe("123");
    expect(cell(peer, "CPU ms")).toBe("1400");
    expect(cell(peer, "x Fairway")).toBe("280");
    expect(cell(peer, "fixed CPU ms")).toBe("-");
    expect(cell(peer, "loop max ms")).toBe("-");
  });
});

describe("the options", () => {
  function planned(...args: readonly string[]) {
    const options = readXdsOptions(args);
    if (typeof options === "string") throw new Error(options);
    return options;
  }

  test("leave the peer out where it would take minutes, unless it is asked for", () => {
    const peersAt = (options: ReturnType<typeof planned>, streams: number, clusters: number) =>
      options.cells.find((cell) => cell.streams === streams && cell.clusters === clusters)?.peers;
    expect(peersAt(planned(), 1_000, 1_000)).toEqual(["fairway", "go-control-plane"]);
    expect(peersAt(planned(), 5_000, 1_000)).toEqual(["fairway"]);
    expect(peersAt(planned("--all"), 5_000, 1_000)).toContain("go-control-plane");
    const asked = planned("--streams", "1000", "--clusters", "10000", "--peers", "fairway,go-control-plane");
    expect(peersAt(asked, 1_000, 10_000)).toEqual(["fairway", "go-control-plane"]);
  });

  test("choose cases of a cell and cases beside them by the same list", () => {
    const options = planned("--cases", "endpoints,tls", "--streams", "100", "--clusters", "10");
    expect(options.cells.map(({ cases }) => cases)).toEqual([["endpoints"]]);
    expect(options.storms).toEqual(["tls"]);
    expect(planned("--cases", "never-read").cells).toEqual([]);
  });

  test.each([
    [["--peers", "istio"], `--peers istio: "istio" is none of`],
    [["--streams", "0"], "--streams 0: write numbers"],
    [["-o", "csv"], `-o csv: "csv" is none of`],
    [["--fast"], "Unknown option '--fast'"],
  ])("refuse %j with a way out", (args, message) => {
    expect(readXdsOptions(args)).toContain(message);
  });
});

test("versions of Go are compared number by number", () => {
  expect(isAtLeast("1.26.8", "1.25.0")).toBe(true);
  expect(isAtLeast("1.25", "1.25.0")).toBe(true);
  expect(isAtLeast("1.9.7", "1.25.0")).toBe(false);
  expect(isAtLeast("", "1.25.0")).toBe(false);
});
