/**
 * What the demo prints: plain lines in a pipe; colours and one live line at the bottom on a terminal.
 */
import type { WriteStream } from "node:tty";

/** Colours by their meaning. */
export type Paint = "title" | "good" | "bad" | "removed" | "added" | "quiet" | "strong";

const CODES: Readonly<Record<Paint, string>> = {
  title: "1;36",
  good: "32",
  bad: "1;31",
  removed: "31",
  added: "32",
  quiet: "90",
  strong: "1",
};

/** Wide enough for two columns of numbers, narrow enough for half a screen. */
const WIDTH_MAX = 100;
const CLEAR_LINE = "\r\u001b[2K";

/** A place to print to. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream | WriteStream;
  /** Whether colours may be used. */
  readonly color: boolean;
  readonly #live: boolean;
  #liveText = "";
  #closed = false;

  constructor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    const dumb = env["TERM"] === "dumb";
    this.#stream = stream;
    this.#live = stream.isTTY && !dumb;
    this.color = this.#live && (env["NO_COLOR"] ?? "") === "";
  }

  /** One or several lines above the live line. */
  print(text = ""): void {
    if (this.#closed) return;
    const lines = text.split("\n").map((line) => `${clip(line, WIDTH_MAX)}\n`);
    if (this.#liveText !== "") this.#stream.write(CLEAR_LINE);
    this.#stream.write(lines.join(""));
    if (this.#liveText !== "") this.#stream.write(this.#liveText);
  }

  /** Replaces the live line; nothing happens in a pipe. */
  live(text: string): void {
    if (!this.#live || this.#closed) return;
    // A line that fills the last column would wrap and could not be replaced.
    this.#liveText = this.paint("quiet", clip(text, Math.min(WIDTH_MAX, this.#stream.columns || 80) - 1));
    this.#stream.write(CLEAR_LINE + this.#liveText);
  }

  /** Removes the live line. */
  endLive(): void {
    if (this.#liveText !== "") this.#stream.write(CLEAR_LINE);
    this.#liveText = "";
  }

  /** Nothing is printed from now on. */
  close(): void {
    this.endLive();
    this.#closed = true;
  }

  /** The text in a colour, or as it is where there are none. */
  paint(paint: Paint, text: string): string {
    return this.color && text !== "" ? `\u001b[${CODES[paint]}m${text}\u001b[0m` : text;
  }
}

/** The words of a text on lines that fit beside `indent` columns; a number and its unit stay together. */
export function wrapped(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/ (?!%)/)) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH_MAX) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const COLOR = /\u001b\[[\d;]*m/g;

/** Cuts what is visible to `width`; a line that is cut loses its colours with its end. */
function clip(line: string, width: number): string {
  const visible = line.replaceAll(COLOR, "");
  return visible.length <= width ? line : `${visible.slice(0, width - 1)}…`;
}
