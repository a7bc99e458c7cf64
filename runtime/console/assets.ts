import { gzipSync } from "node:zlib";
import { sha256Hex } from "../core/sha256.ts";
import { Problem } from "../http/problem.ts";
import { NPM_FILES, withRelativeImports } from "./npm_files.ts";
import { PAGES } from "./pages/files.ts";

const FILES: Readonly<Record<string, string>> = { ...pages(), ...NPM_FILES };
/** Changes with any file: an address with this version never changes its content. */
const VERSION = sha256Hex(JSON.stringify(FILES), 12);
const FOLDER = "/console/assets/";
const PAGE = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Nothing is loaded from another origin, no script or style is inline, and no other page may show the console. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join("; ");

/** Headers of every response of the console. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** A file as it is sent. */
interface Asset {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

const assets = new Map<string, Asset>();

/** Answers with the page. Its address tells the page what to show. */
export function pageResponse(request: Request): Response {
  return respond(request, PAGE, "no-cache");
}

/**
 * Answers with a file of the console.
 *
 * @param path Path below `/console/assets/`, with or without the version in front.
 * @throws {Problem} 404 if the console has no such file.
 */
export function assetResponse(request: Request, path: string): Response {
  const isVersioned = path.startsWith(`${VERSION}/`), name = isVersioned ? path.slice(VERSION.length + 1) : path;
  if (!Object.hasOwn(FILES, name) || name === PAGE) throw new Problem("not-found", `the console has no file ${path}`);
  return respond(request, name, isVersioned ? "public, max-age=31536000, immutable" : "no-cache");
}

/** Returns the bytes that a browser loads for every page together, compressed. */
export function compressedBytes(): number {
  return Object.keys(FILES).reduce((sum, name) => sum + assetOf(name).gzip.length, 0);
}

function pages(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(PAGES).map(([name, source]) => [name, name.endsWith(".js") ? withRelativeImports(source) : source]),
  );
}

function respond({ headers: given }: Request, name: string, cacheControl: string): Response {
  const { plain, gzip, etag } = assetOf(name), isGzip = /\bgzip\b/.test(given.get("accept-encoding") ?? "");
  const headers: Record<string, string> = {
    ...SECURITY_HEADERS,
    "cache-control": cacheControl,
    etag,
    vary: "accept-encoding",
  };
  if (given.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  headers["content-type"] = TYPES[name.slice(name.lastIndexOf(".") + 1)];
  if (isGzip) headers["content-encoding"] = "gzip";
  return new Response(isGzip ? gzip : plain, { headers });
}

function assetOf(name: string): Asset {
  return assets.getOrInsertComputed(name, () => {
    const source = name === PAGE ? FILES[name].replaceAll(FOLDER, `${FOLDER}${VERSION}/`) : FILES[name];
    const plain = new TextEncoder().encode(source);
    return { plain, gzip: new Uint8Array(gzipSync(plain)), etag: `"${sha256Hex(source, 20)}"` };
  });
}
