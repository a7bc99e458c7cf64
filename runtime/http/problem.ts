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

  /** @param results what each part of the request has come to: a list, as JSON text */
  toResponse(results?: string): Response {
    const { title, status, detail, more } = this;
    const text = JSON.stringify({ type: "about:blank", title, status, detail, ...more.members });
    return new Response(results === undefined ? text : `${text.slice(0, -1)},"results":${results}}`, {
      status,
      headers: { "content-type": "application/problem+json", ...more.headers },
    });
  }
}
