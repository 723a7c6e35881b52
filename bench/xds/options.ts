/**
 * The command line of the comparison.
 */
import { parseArgs } from "node:util";
import { cellCases } from "./cell.ts";
import type { Cell } from "./cell.ts";
import type { Peer } from "./session.ts";

const peers = ["fairway", "go-control-plane", "go-control-plane-linear"] as const;
const variants = ["delta", "sotw"] as const;
const storms = ["tls", "never-read"] as const;
const caseNames = [...cellCases, ...storms] as const;

/** One cell, and who is measured in it. */
export interface PlannedCell extends Cell {
  readonly peers: readonly Peer[];
}

/** What is asked for. */
export interface XdsOptions {
  readonly selfTest: boolean;
  readonly cells: readonly PlannedCell[];
  /** What is measured beside the cells. */
  readonly storms: readonly (typeof storms)[number][];
  readonly peers: readonly Peer[];
  readonly changes: number;
  readonly output: "table" | "json";
  readonly profileDir: string | undefined;
}

export const USAGE = `usage: npm run bench:xds -- [options]

  --streams LIST    fleet sizes: 100,1000
  --clusters LIST   config sizes, with an endpoint list of ten hosts for each cluster: 10,1000,10000
  --cases LIST      of ${caseNames.join(", ")}
  --peers LIST      of ${peers.join(", ")}: the first two
  --variant LIST    of ${variants.join(", ")}: delta
  --changes N       repetitions of a change, fewer where they are slow: 10
  --quick           100 streams, 10 and 1,000 clusters, few repetitions
  --all             everything, with SotW and the linear cache; an hour
  -o table|json     a table, or one JSON document, on stdout; progress is on stderr
  --profile DIR     leaves CPU profiles of Fairway there; the times are then longer
  --self-test       checks the Go code and that both sides serve the same, and measures nothing
`;

/** The peer alone needs many minutes for more (streams × clusters), and gigabytes. */
const PEER_SIZE_MAX = 1_000_000;

/** The options, or what is wrong with them. */
export function readXdsOptions(args: readonly string[]): XdsOptions | string {
  try {
    return plan(parse(args));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      streams: { type: "string" },
      clusters: { type: "string" },
      cases: { type: "string" },
      peers: { type: "string" },
      variant: { type: "string" },
      changes: { type: "string" },
      quick: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      output: { type: "string", short: "o", default: "table" },
      profile: { type: "string" },
      "self-test": { type: "boolean", default: false },
    },
  }).values;
}

function plan(values: ReturnType<typeof parse>): XdsOptions {
  const { quick, all } = values;
  const [output] = words("-o", values.output, ["table", "json"] as const) ?? [];
  const chosenPeers = words("--peers", values.peers, peers) ?? (all ? peers : peers.slice(0, 2));
  const cases = words("--cases", values.cases, caseNames) ?? (quick ? cellCases : caseNames);
  const changes = numbers("--changes", values.changes)?.[0] ?? (quick ? 3 : 10);
  const streams = numbers("--streams", values.streams);
  const clusters = numbers("--clusters", values.clusters);
  const sizes =
    streams === undefined && clusters === undefined
      ? defaultSizes(quick)
      : (streams ?? [100, 1_000]).flatMap((each) => (clusters ?? [10, 1_000, 10_000]).map((of) => [each, of] as const));
  const chosenVariants = words("--variant", values.variant, variants) ?? (all ? variants : (["delta"] as const));
  const ofCells = cellCases.filter((name) => cases.includes(name));
  // Who names sizes and peers gets both, however long it takes.
  const asked = all || values.peers !== undefined;
  const cells = chosenVariants.flatMap((variant) =>
    sizes.map(([streamsCount, clustersCount]) => ({
      streams: streamsCount,
      clusters: clustersCount,
      variant,
      cases: ofCells,
      changes,
      peers: chosenPeers.filter((peer) => peer === "fairway" || asked || streamsCount * clustersCount <= PEER_SIZE_MAX),
    })),
  );
  return {
    selfTest: values["self-test"],
    cells: ofCells.length === 0 ? [] : cells,
    storms: storms.filter((name) => cases.includes(name)),
    peers: chosenPeers,
    changes,
    output: output ?? "table",
    profileDir: values.profile,
  };
}

function defaultSizes(quick: boolean): readonly (readonly [number, number])[] {
  const small = [
    [100, 10],
    [100, 1_000],
  ] as const;
  return quick ? small : [...small, [100, 10_000], [1_000, 10], [1_000, 1_000], [1_000, 10_000], [5_000, 1_000]];
}

function words<const Word extends string>(
  flag: string,
  text: string | undefined,
  known: readonly Word[],
): readonly Word[] | undefined {
  return text?.split(",").map((word) => {
    const found = known.find((each) => each === word);
    if (found === undefined) throw new Error(`${flag} ${text}: "${word}" is none of ${known.join(", ")}`);
    return found;
  });
}

function numbers(flag: string, text: string | undefined): readonly number[] | undefined {
  const found = text?.split(",").map(Number);
  if (found?.some((number) => !Number.isInteger(number) || number < 1) === true) {
    throw new Error(`${flag} ${text}: write numbers from 1 on, with commas between them`);
  }
  return found;
}
