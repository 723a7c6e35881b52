/**
 * What a seed once found stays found: each failed before the machine learnt the rule beside it.
 *
 * A change of the simulation gives its seeds other worlds; the rules themselves are held by mutations.test.ts and
 * by the tests of the stages. Seeds that found something are added here, and leave when they mean nothing any more.
 */
import { describe, test } from "vitest";
import { expectSafe } from "./expect-seeds.ts";

describe("what a seed once found stays found", () => {
  const known: readonly (readonly [number, string])[] = [
    [294, "what a node had rejected was sent again because it asked for a route on a new stream"],
    [921, "endpoints for a new cluster object were empty, because their stream began after they had left"],
    [8530, "a cluster went that had left before its client said that it comes back"],
    [14440, "nothing got past a response that was rejected without a name, because what was bad in it was kept"],
    [14477, "a stream did not know what its node had said to hold on another"],
    [31215, "a name that does not exist was said to a client that could not read the response, and not again"],
    [515636, "what was new was blamed as if it were about to leave"],
    [540090, "endpoints that nobody knows were asked for again and never answered"],
    [842166, "a demand for endpoints that crossed a response was not answered"],
    [830467, "a cluster of which the newest content was rejected was not kept with the one before"],
    [2587, "clusters stayed for ever, because a virtual host that had led to them was never forgotten"],
    [910421, "endpoints that there are not were suspected beside those that were rejected"],
    [985930, "what had been suspected with something that has gone was sent again with the same response"],
    [50807, "a virtual host went before its route configuration, and requests would have been answered with 404"],
    [59659, "a cluster was held back for a trial of another that was never sent"],
    [27793, "a route configuration was acknowledged while another response on virtual hosts was under way, and waited"],
    [637514, "listeners waited for a secret that had gone with its cluster"],
    [1281607, "what a full state took from a client that rejected it was held against another replica"],
    [1301110, "a cluster went that was in use, because what the client had rejected of it stopped the full state"],
    [1325918, "a cluster warmed for endpoints that its client had named as held, and which were not sent"],
    [1334709, "what a client took of a response that it rejected was held against another replica"],
    [
      2187549,
      "an answer that was not waited for any more was taken for a demand, because its names were asked for again",
    ],
    [5131572, "endpoints that were rejected on the stream of a new cluster gave way to none, while a route led there"],
    [3043946, "a route that was asked for again before its step was not sent in it"],
    [2044870, "the same response was sent again, when another bad one was found that had been rejected beside it"],
    [231897, "the last good content was suspected beside what was bad, and the same response was sent again"],
    [312439, "a cluster that had been given up while it left was never offered again, although it was wanted again"],
    [471623, "endpoints were emptied that a client had taken beside what it rejected, while a route led there"],
    [569051, "a cluster was left out for a trial that the client had just taken, and to which its routes led"],
    [293772, "a client that came back with what was just tried was sent no cluster any more, and no listener"],
    [5064006, "a cluster was held for good because it was new beside one that had been rejected six times before"],
    [410553, "listeners waited for such a cluster for ever"],
  ];

  test.each(known)("seed %i: %s", (seed) => expectSafe(seed));
});
