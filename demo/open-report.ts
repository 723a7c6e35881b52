/**
 * Opens a page where somebody is there to see it.
 */
import { spawn } from "node:child_process";

/** Where the demo runs. */
export interface Surroundings {
  readonly isTerminal: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

/** The program of the platform that opens files; undefined in a pipe, in CI, and where there is no screen. */
export function openerFor({ isTerminal, env, platform }: Surroundings): string | undefined {
  if (!isTerminal || isSet(env["CI"])) return undefined;
  if (platform === "darwin") return "open";
  // Without a screen xdg-open would start a browser in this terminal.
  const hasScreen = isSet(env["DISPLAY"]) || isSet(env["WAYLAND_DISPLAY"]);
  return platform === "linux" && hasScreen ? "xdg-open" : undefined;
}

/** Whether it could be started; the program goes on by itself. */
export function openPage(path: string, surroundings: Surroundings): Promise<boolean> {
  const opener = openerFor(surroundings);
  if (opener === undefined) return Promise.resolve(false);
  const child = spawn(opener, [path], { stdio: "ignore", detached: true, env: surroundings.env });
  child.unref();
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(true));
    child.once("error", () => resolve(false));
  });
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false";
}
