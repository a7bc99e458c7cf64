import { el } from "./el.js";
import { ask, post } from "./api.js";
import { count, counted } from "./format.js";
import { Button } from "./parts.js";
import { Store, useStore } from "./store.js";

/** The job on many dead letters that runs or has ended; undefined if none was begun. It lives on from page to page. */
export const job = new Store(undefined);
/** Time between two questions for its progress. */
const POLL_MS = 500;

/** Begins to redrive or discard all dead letters that match. @throws {ApiError} */
export async function beginJob(action, filter) {
  job.set(await post("dead-letters/jobs", { action, filter }));
  void follow(job.value.id);
}

async function follow(id) {
  while (job.value?.id === id && job.value.state === "running") {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    try {
      const next = await ask(`dead-letters/jobs/${id}`);
      if (job.value?.id === id) job.set(next);
    } catch (error) {
      job.set({ ...job.value, state: "failed", error: error.message });
    }
  }
}

const WORDS = {
  redriven: "redriven",
  discarded: "discarded",
  "held-back": "held back: redriven often already",
  parked: "waiting for an earlier event of their key",
  "no-function": "without a function",
  "too-large": "too large",
  missing: "gone already",
  failed: "failed",
};

/** Progress and result of the job. */
export function JobBanner() {
  const now = useStore(job);
  if (!now) return null;
  const { state, action, done, total, tally, error, id } = now;
  const results = Object.entries(tally ?? {}).filter(([, n]) => n > 0).map(([name, n]) =>
    `${count(n)} ${WORDS[name] ?? name}`
  );
  const verb = action === "redrive" ? "Redriving" : "Discarding";
  const title = { running: verb, done: "Done", cancelled: "Cancelled", failed: "Stopped" }[state];
  return el(
    "div.banner.job",
    { class: state === "failed" ? "bad" : "", role: "status" },
    el("strong", title),
    el("progress", {
      max: Math.max(total, 1),
      value: state === "done" ? Math.max(total, 1) : done,
      "aria-label": "Progress",
    }),
    el("span", `${count(done)} of ${counted(total, "dead letter")}`),
    el("span.muted", error ?? results.join(", ")),
    el(
      "span.end",
      state === "running"
        ? el(Button, {
          kind: "small",
          onClick: () => ask(`dead-letters/jobs/${id}`, { method: "DELETE" }).catch(() => {}),
        }, "Cancel")
        : el(Button, { kind: "small", onClick: () => job.set(undefined) }, "Dismiss"),
    ),
  );
}
