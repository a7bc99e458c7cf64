import { parseDuration } from "../rules/duration.ts";
import { Problem } from "./problem.ts";

/** How many are listed unless `limit` says otherwise. */
export const LIMIT = 100;

/** @throws {Problem} 400 when it is not a duration. */
export function durationOf(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Problem(400, "Malformed request", `${name} is not a duration such as 30m or 7d`);
  return ms;
}

/** @throws {Problem} 400 when it is not a whole number from 1. */
export function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new Problem(400, "Malformed request", `${name} is not a whole number from 1`);
  }
  return Number(text);
}
