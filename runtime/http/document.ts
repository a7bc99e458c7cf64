import { nodeCrypto } from "../core/sha256.ts";

/** A generated JSON document, and the tag of its content. */
export interface Document {
  readonly text: string;
  readonly etag: string;
}

export function documentOf(value: unknown): Document {
  const text = JSON.stringify(value);
  return { text, etag: `"${nodeCrypto().createHash("sha256").update(text).digest("base64url").slice(0, 22)}"` };
}

interface DocumentHeaders {
  readonly contentType: string;
  /** Whether other callers get another document. */
  readonly isPrivate: boolean;
}

/** Answers a request with a document, or with 304 if the caller has it. Caches ask again each time. */
export function documentResponse(
  { text, etag }: Document,
  request: Request,
  { contentType, isPrivate }: DocumentHeaders,
): Response {
  const headers = {
    etag,
    "cache-control": isPrivate ? "private, no-cache" : "no-cache",
    ...(isPrivate && { vary: "authorization" }),
  };
  if (isKnown(etag, request.headers.get("if-none-match"))) return new Response(null, { status: 304, headers });
  return new Response(text, { headers: { "content-type": contentType, ...headers } });
}

/** @param known Tags of the caller, as `If-None-Match` has them. A proxy that compresses makes a tag weak. */
function isKnown(etag: string, known: string | null): boolean {
  return known !== null && known.split(",").some((one) => ["*", etag].includes(one.trim().replace(/^W\//, "")));
}
