/**
 * Preloaded into a program (`--import`): its clock is wrong by as many milliseconds as a file says, which may change while
 * it runs. What never goes backwards goes on as it was, as when somebody sets the clock of a machine.
 */
import { readFileSync } from "node:fs";

/** The variable that names the file. */
const path = process.env["TEST_CLOCK_FILE"] ?? "";

const Real = Date;
const shiftMs = () => Number(readFileSync(path, "utf8"));
const nowMs = () => Real.now() + shiftMs();

globalThis.Date = new Proxy(Real, {
  construct: (target, args: unknown[], made) => Reflect.construct(target, args.length === 0 ? [nowMs()] : args, made),
  get: (target, name) => (name === "now" ? nowMs : (Reflect.get(target, name) as unknown)),
});
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + shiftMs() });
