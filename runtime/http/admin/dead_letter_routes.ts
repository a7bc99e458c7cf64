import { type Context, Hono } from "hono";
import type { DeadLetter, DeadLetterContent, DeadLetterFilter, Redriven } from "../../core/dead_letter.ts";
import { Problem } from "../problem.ts";
import { durationOf, LIMIT, numberOf, queryOf } from "./query.ts";

/** What the routes stand on. */
export interface DeadLetters {
  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter>;
  read(sequence: number): Promise<DeadLetterContent | undefined>;
  redrive(sequence: number, force: boolean): Promise<Redriven>;
  redriveAll(filter: DeadLetterFilter, force: boolean): Promise<Record<Redriven | "failed", number>>;
  discard(sequence: number): Promise<boolean>;
}

/** Why a dead letter was left where it is, and what to do. */
export const NOT_REDRIVEN: Readonly<Record<Exclude<Redriven, "redriven" | "missing">, string>> = {
  "held-back": "it has been redriven so often that it may be a loop",
  "no-function": "its function has no consumer on the stream RETRIES: start the function, or discard the dead letter",
  "too-large": "with the headers of its way back it is over what NATS takes: raise max_payload, or discard it",
};

const FILTERS = ["function", "reason", "type", "olderThan", "newerThan", "limit"] as const;

/** The dead letters on the admin listener. `?function= &reason= &type= &olderThan= &newerThan= &limit=` select. */
export function deadLetterRoutes(deadLetters: DeadLetters): Hono {
  return new Hono()
    .get("/dead-letters", async (c) => {
      const filter = readFilter(c);
      return c.json(await Array.fromAsync(deadLetters.list({ limit: LIMIT, ...filter })));
    })
    .post("/dead-letters/redrive", async (c) => {
      return c.json(await deadLetters.redriveAll(readFilter(c, "force"), isForced(c)));
    })
    .get("/dead-letters/:sequence", async (c) => {
      const letter = await deadLetters.read(sequenceOf(c));
      if (!letter) throw missing(c);
      return c.json(showContent(letter));
    })
    .post("/dead-letters/:sequence/redrive", async (c) => {
      queryOf(c, ["force"]);
      const outcome = await deadLetters.redrive(sequenceOf(c), isForced(c));
      if (outcome === "missing") throw missing(c);
      if (outcome === "held-back") {
        throw new Problem(409, "Held back", `${NOT_REDRIVEN[outcome]}: ?force=true insists`);
      }
      if (outcome === "no-function") throw new Problem(409, "No function", NOT_REDRIVEN[outcome]);
      if (outcome === "too-large") throw new Problem(409, "Too large", NOT_REDRIVEN[outcome]);
      return c.json({ outcome }, 202);
    })
    .delete("/dead-letters/:sequence", async (c) => {
      if (!await deadLetters.discard(sequenceOf(c))) throw missing(c);
      return c.body(null, 204);
    });
}

/** A dead letter as JSON: its payload as `data` where that is JSON, else as `data_base64`, as CloudEvents write it. */
export function showContent({ payload, ...letter }: DeadLetterContent): Record<string, unknown> {
  try {
    return { ...letter, data: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) };
  } catch {
    return { ...letter, data_base64: payload.toBase64() };
  }
}

function isForced(c: Context): boolean {
  return c.req.query("force") === "true";
}

function readFilter(c: Context, ...more: "force"[]): DeadLetterFilter {
  const { function: fn, reason, type, olderThan, newerThan, limit } = queryOf(c, [...FILTERS, ...more]);
  return {
    ...(fn !== undefined && { function: fn }),
    ...(reason !== undefined && { reason }),
    ...(type !== undefined && { type }),
    ...(olderThan !== undefined && { olderThanMs: durationOf("olderThan", olderThan) }),
    ...(newerThan !== undefined && { newerThanMs: durationOf("newerThan", newerThan) }),
    ...(limit !== undefined && { limit: numberOf("limit", limit) }),
  };
}

function sequenceOf(c: Context): number {
  return numberOf("the sequence", c.req.param("sequence")!);
}

function missing(c: Context): Problem {
  return new Problem(404, "Not Found", `there is no dead letter ${c.req.param("sequence")}`);
}
