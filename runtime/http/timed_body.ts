import { type Reservation, timedOut } from "./body_limits.ts";

/**
 * Longest body, in characters, that is given to Deno whole. A body this small costs little if the client never reads
 * it.
 */
const WHOLE_LENGTH = 65_536;
/** Bytes that the caller must read within the time limit for the body of a request. */
const PIECE_BYTES = 1_048_576;
const ENCODER = new TextEncoder();

/**
 * Returns the body of a response. A long body counts against the listener's memory until the caller has read it, and
 * the connection is closed if the caller reads too slowly. If Deno got it as text, it would hold the text for as long
 * as the connection is open.
 */
export function timedBody(text: string, reservation: Reservation): BodyInit {
  if (text.length <= WHOLE_LENGTH) return text;
  const bytes = ENCODER.encode(text), release = reservation.keep(bytes.length), { timeout } = reservation.limits;
  let from = 0, stopTimer = () => {};
  const end = () => {
    stopTimer();
    release();
  };
  const restartTimer = (controller: ReadableStreamDefaultController) => {
    stopTimer();
    stopTimer = timeout.start(() => {
      controller.error(timedOut("the response was not read"));
      release();
    });
  };
  return new ReadableStream({
    start: restartTimer,
    pull: (controller) => {
      if (from < bytes.length) {
        controller.enqueue(bytes.subarray(from, from += PIECE_BYTES));
        return restartTimer(controller);
      }
      controller.close();
      end();
    },
    cancel: end,
  }, { highWaterMark: 0 });
}
