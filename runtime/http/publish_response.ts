import type { OutgoingEvent } from "../core/event.ts";
import type { PublishResult } from "../engine/publisher.ts";
import type { Problem } from "./problem.ts";

const ACCEPTED = { status: 202, headers: { "content-type": "application/json" } };

/** Returns the response for events that are stored. @param results one result or an array of them, as JSON */
export function accepted(results: BodyInit): Response {
  return new Response(results, ACCEPTED);
}

/** Returns the result of a stored event as JSON. Hot path: type and stream are subject tokens, which need no escape. */
export function storedResult({ id, type }: OutgoingEvent, { stream, sequence, duplicate }: PublishResult): string {
  const quotedId = JSON.stringify(id);
  return `{"id":${quotedId},"type":"${type}","stream":"${stream}","sequence":${sequence},"duplicate":${duplicate}}`;
}

/**
 * Returns the result of an event that is not stored, as JSON.
 *
 * @param line Line of the event in the body, which the result names.
 * @param brief Leaves out the list of faults in the event's data.
 */
export function failedResult(problem: Problem, line?: number, brief = false): string {
  const where = line === undefined ? "" : `line ${line}: `;
  return JSON.stringify({
    ...problem.toJSON(),
    detail: where + problem.detail,
    ...(brief && { errors: undefined }),
  });
}
