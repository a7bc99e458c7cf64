import { shorten } from "../core/text.ts";

/** Status and title of a problem, by its code. Its page is in `problem_pages.ts`. */
export const KINDS = {
  "malformed": [400, "Malformed request"],
  "invalid-data": [400, "Invalid event data"],
  "unauthorized": [401, "Unauthorized"],
  "forbidden": [403, "Forbidden"],
  "not-found": [404, "Not Found"],
  "unknown-type": [404, "Unknown event type"],
  "unknown-event": [404, "Unknown event"],
  "method-not-allowed": [405, "Method Not Allowed"],
  "timeout": [408, "Request Timeout"],
  "held-back": [409, "Held back"],
  "no-function": [409, "No function"],
  "redrive-too-large": [409, "Too large"],
  "too-large": [413, "Content Too Large"],
  "unsupported-media-type": [415, "Unsupported Media Type"],
  "id-taken": [422, "Idempotency key reused"],
  "too-many-requests": [429, "Too Many Requests"],
  "internal": [500, "Internal Server Error"],
  "bad-gateway": [502, "Bad Gateway"],
  "unavailable": [503, "Service Unavailable"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof KINDS;

/** Path of the pages that say what each problem means. The type of a problem is the reference to its page. */
export const PROBLEM_PAGES = "/problems";

interface ProblemOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Extension members of the body, such as `errors`. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Greatest length of a detail, in characters. It may quote the request. */
const MAX_DETAIL = 1_000;

/** An error that is answered as `application/problem+json` (RFC 9457). Any route may throw it. */
export class Problem extends Error {
  override readonly name = "Problem";

  readonly detail: string;

  /** @param detail what is wrong with this request, and what the caller can do about it */
  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly options: ProblemOptions = {},
  ) {
    detail = shorten(detail, MAX_DETAIL);
    super(`${KINDS[code].join(" ")}: ${detail}`);
    this.detail = detail;
  }

  get status(): number {
    return KINDS[this.code][0];
  }

  get title(): string {
    return KINDS[this.code][1];
  }

  /** Returns the members of the problem, without its headers. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { code, title, status, detail, options } = this;
    return {
      type: `${PROBLEM_PAGES}/${code}`,
      title,
      status,
      detail,
      ...options.members,
    };
  }

  /** @param body JSON of the problem with more members. Default: the problem alone. */
  toResponse(body: BodyInit = JSON.stringify(this)): Response {
    const { status, options } = this;
    return new Response(body, { status, headers: { "content-type": "application/problem+json", ...options.headers } });
  }
}

export function malformed(detail: string): Problem {
  return new Problem("malformed", detail);
}
