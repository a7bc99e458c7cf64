import { z } from "zod";
import { MAX_MISSED } from "../core/schedule.ts";
import { covers, overlaps, subjectProblem } from "../core/subjects.ts";
import { CHECKED_ONCE, describeValue, durationSchema, optionProblems } from "./option_schemas.ts";
import type { StreamDefinition } from "../api/define_stream.ts";

/** A stream that must exist, with the settings that Weir owns. An undefined setting belongs to the operator. */
export interface ResolvedStream {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  readonly storage?: "file" | "memory";
  readonly duplicateWindowMs?: number;
  /** Greatest number of messages of one subject; older ones are removed. */
  readonly maxPerSubject?: number;
}

/** Subjects of Weir and of NATS itself: of key-value buckets, object stores, MQTT and services, for some. */
const RESERVED = [
  ...["dead_letters.>", "retries.>", "order_partitions.>", "_INBOX.>"],
  ...["$JS.>", "$KV.>", "$O.>", "$SYS.>", "$SRV.>", "$MQTT.>", "$WEIR.>"],
];

const RESERVED_NAMES = ["DEAD_LETTERS", "RETRIES", "ORDER_PARTITIONS"];
/** Names that JetStream allows. */
const STREAM_NAME = /^[^\s.*>/\\]+$/;

const schema = z.strictObject({
  kind: z.literal("stream"),
  name: z.string().regex(/^[A-Za-z0-9_-]+$/, "a stream's name is letters, digits, _ and -"),
  subjects: z.array(z.string()).min(1).optional(),
  maxAge: durationSchema.optional(),
  maxBytes: z.int().positive().optional(),
  storage: z.enum(["file", "memory"]).optional(),
  duplicateWindow: durationSchema.optional(),
}).transform(({ kind: _kind, subjects, maxAge: maxAgeMs, duplicateWindow: duplicateWindowMs, ...rest }) => ({
  ...rest,
  subjects: subjects ?? [`${rest.name.toLowerCase()}.>`],
  maxAgeMs,
  duplicateWindowMs,
}));

const OPTIONS = ["name", "subjects", "maxAge", "maxBytes", "storage", "duplicateWindow"];

/**
 * Stream of the ticks of `cron` and `every`. The last tick of a schedule tells which ticks were published, so it is
 * kept for ever: a schedule may be yearly.
 */
export const SCHEDULES: ResolvedStream = {
  name: "SCHEDULES",
  subjects: ["schedules.>"],
  maxAgeMs: 0,
  maxPerSubject: MAX_MISSED,
};

type Home = { readonly ok: true; readonly stream: string } | { readonly ok: false; readonly problem: string };

/**
 * Maps each subject to its stream: the declared stream that covers the subject, or else the default stream of the first
 * token.
 */
export class StreamMap {
  readonly #streams = new Map<string, ResolvedStream>();
  readonly #declared = new Map<string, { file: string; definition: StreamDefinition }>();
  /** Names of the streams that Weir does not own. */
  readonly #foreign = new Set<string>();

  /** Adds a stream that a file declares. Returns its faults. */
  declare(definition: StreamDefinition, file: string): string[] {
    if (this.#declared.get(definition.name)?.definition === definition) return []; // it is exported again
    const result = schema.safeParse(definition, CHECKED_ONCE);
    if (!result.success) return optionProblems(result.error, OPTIONS);
    const stream = result.data;
    if (RESERVED_NAMES.includes(stream.name)) return [`stream ${stream.name} is Weir's own: its name is reserved`];
    const first = this.#declared.get(stream.name);
    if (first) return [`stream ${stream.name} is already declared in ${first.file}: a stream has one declaration`];
    const problems: string[] = [];
    for (const [i, subject] of stream.subjects.entries()) {
      const refuse = (why: string) => problems.push(`subject "${subject}" of stream ${stream.name}${why}`);
      const own = stream.subjects.slice(0, i).find((other) => overlaps(other, subject));
      if (own) refuse(` overlaps its own "${own}"`);
      const problem = subjectProblem(subject);
      if (problem) refuse(`: ${problem}`);
      const reserved = RESERVED.find((pattern) => overlaps(pattern, subject));
      if (reserved) refuse(` overlaps ${reserved}, which is reserved`);
      for (const { name, subjects } of this.#streams.values()) {
        const clash = subjects.find((theirs) => overlaps(theirs, subject));
        if (clash) refuse(` overlaps "${clash}" of stream ${name}: JetStream stores a subject in one stream only`);
      }
    }
    if (problems.length === 0) {
      this.#streams.set(stream.name, stream);
      this.#declared.set(stream.name, { file, definition });
    }
    return problems;
  }

  /**
   * Returns the stream of a subject or pattern.
   *
   * @param foreign Name of the stream that Weir does not own and that stores it. Default: a stream of Weir's own.
   */
  homeOf(pattern: string, foreign?: unknown): Home {
    return foreign === undefined ? this.streamFor(pattern) : this.#foreignStream(foreign);
  }

  #foreignStream(name: unknown): Home {
    const refuse = (problem: string) => ({ ok: false, problem }) as const;
    if (typeof name !== "string" || !STREAM_NAME.test(name)) {
      return refuse(`stream ${describeValue(name)} is not the name of a stream, such as "LEGACY"`);
    }
    if (RESERVED_NAMES.includes(name)) return refuse(`stream ${name} is Weir's own: its name is reserved`);
    const declared = this.#declared.get(name), own = this.#streams.get(name);
    if (own) {
      const made = declared ? `declared in ${declared.file}` : `the default stream of "${own.subjects[0]}"`;
      return refuse(
        `stream ${name} is ${made}, so Weir owns it: leave out \`stream\`, or give every event and pattern of that ` +
          `stream \`stream: "${name}"\` and declare it nowhere`,
      );
    }
    this.#foreign.add(name);
    return { ok: true, stream: name };
  }

  /** Returns the stream of ticks, which Weir owns. Adds it for the first schedule. */
  forSchedules(): Home {
    const { name, subjects: [own] } = SCHEDULES, known = this.#streams.get(name);
    if (known === SCHEDULES) return { ok: true, stream: name };
    const clash = known ??
      [...this.#streams.values()].find(({ subjects }) => subjects.some((one) => overlaps(one, own)));
    if (clash || this.#foreign.has(name)) {
      const what = clash
        ? `stream ${clash.name} ("${clash.subjects.join('", "')}") is the project's`
        : `stream ${name} is another owner's`;
      return {
        ok: false,
        problem:
          `cron and every need the stream ${name} with the subjects "${own}" for themselves, but ${what}: rename it and its types`,
      };
    }
    this.#streams.set(name, SCHEDULES);
    return { ok: true, stream: name };
  }

  /** Returns Weir's own stream of a subject or pattern. Adds the default one if none is declared. */
  streamFor(pattern: string): Home {
    const refuse = (problem: string) => ({ ok: false, problem }) as const;
    for (const { name, subjects } of this.#streams.values()) {
      if (subjects.some((subject) => covers(subject, pattern))) return { ok: true, stream: name };
    }
    const [first, ...rest] = pattern.split(".");
    // A declared stream could not cover it either.
    const reserved = RESERVED.find((subject) => overlaps(subject, pattern));
    if (reserved) {
      const fix = /^[*>]/.test(pattern) ? ': name its first token, as in "orders.>"' : "";
      return refuse(`"${pattern}" overlaps ${reserved}, which is reserved${fix}`);
    }
    if (!/^[A-Za-z0-9_-]+$/.test(first) || rest.length === 0) {
      return refuse(
        `no stream covers "${pattern}" and its first token names no default one: declare it with defineStream`,
      );
    }
    const name = first.toUpperCase(), subject = `${first}.>`;
    if (this.#foreign.has(name)) {
      return refuse(
        `stream ${name} of "${pattern}" is named elsewhere as one that Weir does not own: name it here as well, by ` +
          `\`stream: "${name}"\` in defineEvent, or in \`on: { pattern: "${pattern}", stream: "${name}" }\``,
      );
    }
    if (this.#declared.has(name)) {
      return refuse(`stream ${name} is declared but does not cover "${pattern}": add it to the stream's subjects`);
    }
    for (const stream of this.#streams.values()) {
      const clash = stream.subjects.find((theirs) => overlaps(theirs, subject));
      if (clash && stream.name !== name) {
        return refuse(
          `the default stream ${name} for "${pattern}" would overlap "${clash}" of stream ${stream.name}: ` +
            `let that stream cover it`,
        );
      }
    }
    this.#streams.set(name, { name, subjects: [...(this.#streams.get(name)?.subjects ?? []), subject] });
    return { ok: true, stream: name };
  }

  all(): ResolvedStream[] {
    return [...this.#streams.values()];
  }

  /** Returns the names of the streams that Weir does not own. */
  foreign(): string[] {
    return [...this.#foreign];
  }
}
