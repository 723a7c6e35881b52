/**
 * Numbers as people read them: 4.9 %, 1,224, 140 times, 45 s. No more digits than mean something.
 */

/** "1,224". */
export function showCount(count: number): string {
  return grouped(Math.round(count));
}

/** "4.9 %", "0.10 %", "99.95 %": what was counted, with two digits from the nearer end. */
export function showPercent(share: number): string {
  const percent = share * 100;
  const distance = Math.min(percent, 100 - percent);
  if (distance < 1e-9) return percent < 50 ? "0 %" : "100 %";
  const decimals = Math.min(Math.max(1 - Math.floor(Math.log10(distance) + 1e-9), 0), 4);
  return `${percent.toFixed(decimals)} %`;
}

/** "25 %", "99.9 %": what was asked for, as it was written. */
export function showPromise(share: number): string {
  return `${Number((share * 100).toFixed(6))} %`;
}

/** "140 times", "twice", "over a million times"; bare leaves the word out. */
export function showTimes(factor: number, form: "bare" | "full" = "full"): string {
  if (form === "full" && factor === 2) return "twice";
  const shown = factor > 1e6 ? "over a million" : significant(factor);
  return form === "bare" ? shown : `${shown} times`;
}

/** "45 s", "12 min", "300 ms". */
export function showDuration(ms: number): string {
  if (ms < 1_000) return `${significant(ms)} ms`;
  if (ms < 120_000) return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 1 : 0))} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** Two digits, or all before the point when there are three; "12.5" keeps its half. */
function significant(value: number): string {
  if (value >= 1_000) return grouped(Number(value.toPrecision(2)));
  if (value >= 100) return String(Number(value.toPrecision(2)));
  if (value >= 10) return String(Number(value.toFixed(1)));
  return String(Number(value.toPrecision(2)));
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
