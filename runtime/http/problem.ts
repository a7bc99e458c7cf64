/** What went wrong, for RFC 9457 `application/problem+json`. Throw it from any route. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    /** The same for every problem of its kind. */
    readonly title: string,
    /** What was wrong this time, and what to do about it. */
    readonly detail: string,
    readonly more: { readonly headers?: Record<string, string>; readonly members?: Record<string, unknown> } = {},
  ) {
    super(`${status} ${title}: ${detail}`);
  }

  toResponse(): Response {
    const body = { type: "about:blank", title: this.title, status: this.status, detail: this.detail };
    return Response.json({ ...body, ...this.more.members }, {
      status: this.status,
      headers: { "content-type": "application/problem+json", ...this.more.headers },
    });
  }
}
