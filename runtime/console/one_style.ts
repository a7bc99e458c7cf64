/** Files by name. */
type Files = Readonly<Record<string, string>>;

const PAGE = "index.html", STYLE = "style.css";
const LINKS = /(\s*<link rel="stylesheet" href="\/console\/assets\/[^"]+">)+/;

/** Returns the files with the styles of the page as one: of a dozen requests each would delay the first paint. */
export function withOneStyle(files: Files): Files {
  const page = files[PAGE], [links] = LINKS.exec(page)!;
  const styles = [...links.matchAll(/assets\/([^"]+)"/g)].map(([, name]) => name);
  const rest = Object.entries(files).filter(([name]) => !styles.includes(name));
  return {
    ...Object.fromEntries(rest),
    [STYLE]: styles.map((name) => files[name]).join("\n"),
    [PAGE]: page.replace(links, `\n    <link rel="stylesheet" href="/console/assets/${STYLE}">`),
  };
}
