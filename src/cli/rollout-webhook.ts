/**
 * A question to another program whether a rollout may go on.
 */
import type { WebhookAnswer } from "../rollout/observed.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";

/** Enough for a reason. */
const ANSWER_CHARS_MAX = 300;

/** Never throws. It is sent what stands, as JSON. */
export async function callWebhook(
  record: RolloutRecord,
  call: { readonly url: string; readonly timeoutMs: number; readonly stepIndex: number },
): Promise<WebhookAnswer> {
  const { stepIndex, timeoutMs, url } = call;
  const { id, target, plan, steps, verdict } = record;
  try {
    const answer = await fetch(url, {
      method: "POST",
      // One that sends elsewhere is not the one that was written down.
      redirect: "error",
      headers: { "content-type": "application/json", "idempotency-key": `${id}-${stepIndex}` },
      body: JSON.stringify({
        rollout: id,
        split: plan.split,
        target,
        step: stepIndex + 1,
        weightPercent: (steps.at(-1)?.share ?? 0) / 100,
        ...(verdict === undefined ? {} : { verdict: { kind: verdict.kind, sentence: verdict.sentence } }),
      }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await firstWords(answer);
    const kind = answer.ok ? "agreed" : answer.status < 500 ? "refused" : "no-answer";
    return { stepIndex, kind, text: `${answer.status}${text === "" ? "" : ` ${text}`}` };
  } catch (cause) {
    const isLate = cause instanceof Error && cause.name === "TimeoutError";
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const why = inner instanceof Error ? inner.message : String(inner);
    return { stepIndex, kind: "no-answer", text: isLate ? `nothing came in ${timeoutMs / 1_000} s` : why };
  }
}

/** Never more than its first piece, however much it sends. */
async function firstWords({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  if (reader === undefined) return "";
  const { value } = await reader.read();
  await reader.cancel();
  return Buffer.from(value ?? [])
    .toString("utf8")
    .slice(0, ANSWER_CHARS_MAX)
    .trim();
}
