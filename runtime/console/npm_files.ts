import dagre from "@dagrejs/dagre" with { type: "text" };
import preact from "preact" with { type: "text" };
import hooks from "preact/hooks" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };

/** Paths by which a browser loads the modules that the pages import, by specifier. A browser resolves no bare one. */
const MODULES: Readonly<Record<string, string>> = {
  "preact": "npm/preact.js",
  "preact/hooks": "npm/hooks.js",
  "@dagrejs/dagre": "npm/dagre.js",
  "uplot": "npm/uplot.js",
};

/** The packages of the pages as text, by path. They come from Deno's npm cache: no page loads anything from elsewhere. */
export const NPM_FILES: Readonly<Record<string, string>> = {
  "npm/preact.js": withoutSourceMap(preact),
  "npm/hooks.js": withRelativeImports(withoutSourceMap(hooks), "../"),
  "npm/dagre.js": withoutSourceMap(dagre),
  "npm/uplot.js": `${withoutSourceMap(uplot)}\nexport default uPlot;\n`,
  "npm/uplot.css": uplotStyle,
};

/** Returns a module whose imports of packages name their paths. @param root Path from the module to the other files. */
export function withRelativeImports(source: string, root = "./"): string {
  return source.replace(/(\bfrom ?|\bimport\()"([^".][^"]*)"/g, (all, before, specifier) => {
    const path = Object.hasOwn(MODULES, specifier) ? MODULES[specifier] : undefined;
    return path === undefined ? all : `${before}"${root}${path}"`;
  });
}

function withoutSourceMap(source: string): string {
  return source.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, "\n");
}
