import { InvalidArgumentError } from "commander";
import { DURATION_HELP, parseDuration } from "../../core/duration.ts";

/** A whole number from 1, as sequences and limits are. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1");
  return Number(text);
}

/** One more of an argument that may be repeated. */
export function wholeNumbers(text: string, before: number[] = []): number[] {
  return [...before, wholeNumber(text)];
}

/** Milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`It must be ${DURATION_HELP}`);
  return ms;
}

/** A whole number, nothing included. */
export function seed(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("it must be a whole number from 0 to 999999999");
  return Number(text);
}
