/**
 * Pieces of SVG that charts are put together from. Text is escaped here, and colours are classes of the page's style
 * sheet, so that they follow its theme.
 */
import { escapeMarkup } from "./report-escapes.ts";

/** How wide a chart is drawn; text keeps its size, so a phone gets a drawing of its own. */
export type ChartWidth = 720 | 340;

/** Where the plot is in a chart. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type Attributes = Readonly<Record<string, string | number>>;

/** The whole drawing; `name` is for who cannot see it. */
export function drawing(
  { width, height, name }: { readonly width: number; readonly height: number; readonly name: string },
  parts: readonly string[],
): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeMarkup(name)}">${parts.join("")}</svg>`;
}

/** An empty element. */
export function shape(name: "rect" | "line" | "path" | "circle", className: string, attributes: Attributes): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? rounded(value) : value}"`,
  );
  return `<${name} class="${className}"${written.join("")}/>`;
}

/** Text at a point. */
export function label(text: string, { x, y, anchor = "middle", className = "t" }: LabelPlace): string {
  return `<text class="${className}" x="${rounded(x)}" y="${rounded(y)}" text-anchor="${anchor}">${escapeMarkup(text)}</text>`;
}

interface LabelPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly className?: string;
}

/** Lines across the plot with what they stand for, at the bottom the axis itself. */
export function levels(
  plot: Plot,
  ticks: readonly { readonly value: number; readonly text: string }[],
  yOf: (value: number) => number,
): readonly string[] {
  return ticks.flatMap(({ value, text }) => {
    const y = yOf(value);
    return [
      shape("line", value === 0 ? "axis" : "grid", { x1: plot.left, x2: plot.right, y1: y, y2: y }),
      label(text, { x: plot.left - 6, y: y + 4, anchor: "end" }),
    ];
  });
}

/** From values to pixels, evenly. */
export function scale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): (value: number) => number {
  const per = to > from ? (end - start) / (to - from) : 0;
  return (value) => start + (Math.min(Math.max(value, from), to) - from) * per;
}

/** The smallest number of few digits that is not below a value; so is its half. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => each * unit >= value * (1 - 1e-9)) ?? 10;
  return factor * unit;
}

/** A long name, without its middle: what tells versions apart is at the end. */
export function shortName(name: string): string {
  const characters = Array.from(name);
  return characters.length > 8 ? `${characters.slice(0, 3).join("")}…${characters.slice(-4).join("")}` : name;
}

function rounded(value: number): string {
  return String(Number(value.toFixed(1)));
}
