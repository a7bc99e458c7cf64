import { gzipSync } from "node:zlib";
import { sha256Hex } from "../core/sha256.ts";
import { Problem } from "../http/problem.ts";
import { pathOf } from "../http/router.ts";
import { NPM_FILES, withRelativeImports } from "./npm_files.ts";
import { withOneStyle } from "./one_style.ts";
import { PAGES } from "./pages/files.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

const FILES: Readonly<Record<string, string>> = withOneStyle({ ...pages(), ...NPM_FILES });
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

/** A file as it is sent. */
interface Asset {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

const assets = new Map<string, Asset>();

/** Answers a request for a file, or with the page, whose script shows what the address names. @throws {Problem} */
export function pageRoute(request: Request): Response {
  const path = pathOf(request.url);
  if (path.startsWith(FOLDER)) return assetResponse(request, path.slice(FOLDER.length));
  if (request.method === "GET" || request.method === "HEAD") return respond(request, PAGE, "no-cache");
  throw new Problem("method-not-allowed", "a page is only read", { headers: { allow: "GET, HEAD" } });
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
