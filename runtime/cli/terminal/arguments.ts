import { InvalidArgumentError } from "commander";
import { DURATION_HELP, parseDuration } from "../../core/duration.ts";

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1");
  return Number(text);
}

export function wholeNumbers(text: string, before: number[] = []): number[] {
  return [...before, wholeNumber(text)];
}

/** Parses a duration such as `30d` into milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`It must be ${DURATION_HELP}`);
  return ms;
}
