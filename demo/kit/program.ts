/**
 * The `main` that Fairway's command line is started with.
 *
 * It is the source, so that nobody runs something older than what he reads. The tests, which start it some thousand times,
 * have it compiled first as the package has it, and say where.
 */
import { fileURLToPath } from "node:url";

/** The variable in which the tests say where. */
export const COMPILED_MAIN = "FAIRWAY_TEST_MAIN";

export const fairwayMain =
  process.env[COMPILED_MAIN] ?? fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
