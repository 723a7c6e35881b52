/**
 * Counters that cost an addition, for what happens on every stream at every push.
 *
 * The Prometheus client hashes the labels of each increment, which costs more than all that the fleet does
 * with the event. Here whoever counts keeps a cell for its labels and adds to it; the client is told of the
 * sums when it is asked for them.
 */
import { Counter } from "prom-client";
import type { Registry } from "prom-client";

/** One series; add to `sum`. */
export interface Tally {
  sum: number;
}

/** What a counter is called and which labels each of its cells has. */
export interface TallyOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
}

/** Registers a counter; the returned function makes a cell for labels and must be asked once for each. */
export function tallyCounter<Label extends string>(
  registry: Registry,
  options: TallyOptions<Label>,
): (labels: Readonly<Record<Label, string>>) => Tally {
  const cells: { readonly labels: Readonly<Record<Label, string>>; readonly tally: Tally }[] = [];
  const counter = new Counter<Label>({
    ...options,
    labelNames: [...options.labelNames],
    registers: [],
    collect() {
      this.reset();
      // What never happened is not shown, as with any other counter with labels.
      for (const { labels, tally } of cells) if (tally.sum > 0) this.inc(labels, tally.sum);
    },
  });
  registry.registerMetric(counter);
  return (labels) => {
    const tally = { sum: 0 };
    cells.push({ labels, tally });
    return tally;
  };
}
