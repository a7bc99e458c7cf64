/** Folder of Weir's own modules: a URL on disk, or of the registry that serves the package. */
export const WEIR_ROOT: URL = new URL("../", import.meta.url);

/** Returns whether a URL is the URL of one of Weir's modules. */
export function isOwnModule(url: string): boolean {
  return url.startsWith(WEIR_ROOT.href);
}
