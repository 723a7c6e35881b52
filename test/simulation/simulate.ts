/**
 * Plays a seed, and tells how it failed: by the properties that broke and the trace of as few steps as show it.
 */
import { createSharedResponses } from "../../src/xds/shared-responses.ts";
import { createStream } from "../../src/xds/stream-state.ts";
import { step } from "../../src/xds/stream.ts";
import type { Machine } from "./machine.ts";
import { World } from "./world.ts";

/** What a run found; no problems means that every property held. */
export interface SimulationResult {
  readonly problems: readonly string[];
  readonly steps: number;
}

/** The machine as it is. */
export const machineAsItIs: Machine = { step, createStream, createSharedResponses };

/** Plays of one seed while it is made shorter: a second or two. */
const SHRINK_PLAYS_MAX = 400;

/** Lines of the trace that are shown. */
const SHOWN_LINES = 120;

/** Replays a seed. */
export function simulate(seed: number, machine: Machine): SimulationResult {
  const { problems, steps } = play(seed, { machine, traced: false });
  return { problems, steps };
}

/** What every node is sent, without nonces; `alone`: with nothing shared between streams. */
export function sentTo(seed: number, machine: Machine, { alone }: { readonly alone: boolean }): readonly string[] {
  const { nodes, problems } = play(seed, { machine, traced: false, alone });
  return [...nodes.map(({ traits, sent }) => `${traits.id}: ${sent.join("; ")}`), ...problems];
}

/** A failure for people: what to run to see it again, what broke, and the shortest trace that was found. */
export function explainFailure(seed: number, machine: Machine): string {
  const without = shrink(seed, machine);
  const { problems, trace, stepCount } = play(seed, { machine, traced: true, without });
  const kept = stepCount - without.size;
  return [
    `seed ${seed}, see it again with: npm run sim -- --seed ${seed} --runs 1`,
    ...problems,
    "",
    `the trace, of ${kept} of ${stepCount} steps:`,
    ...trace.slice(-SHOWN_LINES),
  ].join("\n");
}

/** Steps that a failing seed can do without: halves, quarters and so on are left out while it still fails. */
function shrink(seed: number, machine: Machine): ReadonlySet<number> {
  const { steps } = play(seed, { machine, traced: false });
  // What was not reached cannot matter.
  let kept = Array.from({ length: steps }, (_, index) => index + 1);
  const { stepCount } = play(seed, { machine, traced: false });
  const others = (indexes: readonly number[]) => {
    const inside = new Set(indexes);
    return new Set(Array.from({ length: stepCount }, (_, index) => index + 1).filter((index) => !inside.has(index)));
  };
  const fails = (indexes: readonly number[]) =>
    play(seed, { machine, traced: false, without: others(indexes) }).problems.length > 0;
  let plays = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length && plays < SHRINK_PLAYS_MAX;) {
      const shorter = [...kept.slice(0, from), ...kept.slice(from + size)];
      plays += 1;
      if (fails(shorter)) kept = shorter;
      else from += size;
    }
  }
  return others(kept);
}

function play(seed: number, options: ConstructorParameters<typeof World>[1]): World {
  const world = new World(seed, options);
  try {
    world.play();
  } catch (error) {
    world.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return world;
}
