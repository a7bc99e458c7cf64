/** The folder of Weir's own modules: on disk, or where a registry serves the package. */
export const WEIR_ROOT: URL = new URL("../", import.meta.url);

/** Whether a URL is that of one of Weir's own modules, wherever Weir and the project lie. */
export function isOwnModule(url: string): boolean {
  return url.startsWith(WEIR_ROOT.href);
}
