import type { Context } from "hono";
import { parseDuration } from "../../core/duration.ts";
import { Problem } from "../problem.ts";

/**
 * The parameters of a request. One that is not known is refused: of a misspelt filter on what redrives everything,
 * nobody would learn that it did.
 *
 * @throws {Problem} 400, with the names that are known.
 */
export function queryOf<Name extends string>(c: Context, known: readonly Name[]): Partial<Record<Name, string>> {
  const given = c.req.query();
  const unknown = Object.keys(given).filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) {
    const detail = `no parameter is called ${unknown.join(" or ")}; there are: ${known.join(", ")}`;
    throw new Problem(400, "Malformed request", detail);
  }
  return given as Partial<Record<Name, string>>;
}

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
