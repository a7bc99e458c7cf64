import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import type { Facts } from "../../../runtime/doctor/facts.ts";
import { consumer, projectOf, stream, testRules } from "../facts.ts";

const Told = defineEvent({ type: "legacy.told", version: 1, data: z.object({}), stream: "LEGACY", ingress: {} });
const listen = defineFunction({ on: { pattern: "legacy.>", stream: "LEGACY" } }, () => {});
const other = defineFunction({ on: { pattern: "legacy.a", stream: "LEGACY" } }, () => {});

/** Returns the facts of a project that listens to LEGACY, and of that stream if it exists. */
function legacy(
  config: object | undefined,
  functions = { listen } as never,
  more: Partial<Facts> = {},
): Partial<Facts> {
  const streams = new Map(config ? [["LEGACY", stream("LEGACY", config)] as const] : []);
  return { project: projectOf(functions), foreign: { value: { streams, origins: new Map() } }, ...more };
}
const own = { consumers: { value: [consumer("listen", {}, { stream_name: "RETRIES" })] } };
const QUEUE = { retention: "workqueue" as never };
const theirs = consumer("mailer", { filter_subject: "legacy.mail" } as never, { stream_name: "LEGACY" });

testRules([
  ["foreign-streams", "as they are named", legacy({}, undefined, own), []],
  ["foreign-streams", "missing", legacy(undefined, undefined, own), [
    /^foreign-streams error: listen: stream LEGACY does not exist, and Weir does not own it/,
  ]],
  ["foreign-streams", "without the subjects", legacy({ subjects: ["billing.>"] }, undefined, own), [
    /^foreign-streams error: listen: its stream stores billing\.>, and not legacy\.>/,
  ]],
  ["foreign-streams", "a mirror that is published into", {
    ...legacy({ subjects: undefined, mirror: { name: "ORIGIN", filter_subject: "legacy.>" } }, undefined, own),
    project: projectOf({ listen: listen as never }, [Told]),
  }, [/^foreign-streams error: event "legacy\.told" has `ingress`: .* mirrors ORIGIN/]],
  ["foreign-interest", "of interest", legacy({ retention: "interest" as never }, undefined, own), [
    /^foreign-interest info: the stream LEGACY has interest retention/,
  ]],
  ["work-queue", "two functions on one subject of another owner", legacy(QUEUE, { listen, other } as never, own), [
    /^work-queue error: LEGACY is a work queue, and both listen and other listen to legacy\.>/,
  ]],
  [
    "work-queue",
    "a function beside a consumer of the owner",
    legacy(QUEUE, undefined, { consumers: { value: [theirs] } }),
    [
      /^work-queue error: LEGACY is a work queue, and both listen and the consumer mailer listen to legacy\.>/,
    ],
  ],
  ["discard-old", "of another owner", legacy({ discard: "old" as never, max_bytes: 1e9 }, undefined, own), []],
  ["memory", "of another owner", legacy({ storage: "memory" as never }, undefined, own), []],
  ["unpublished-events", "of another owner", legacy({}, undefined, own), []],
  [
    "age-within-stream",
    "of another owner",
    legacy({ max_age: 3_600e9 }, {
      listen: defineFunction({ on: { pattern: "legacy.>", stream: "LEGACY" }, maxAge: "2h" }, () => {}),
    } as never, own),
    [/^age-within-stream warning: listen accepts events of up to 2h, and the stream LEGACY keeps them for 1h/],
  ],
]);
