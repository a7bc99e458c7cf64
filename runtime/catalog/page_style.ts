/** Style of the page, in light and dark. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 15%, Canvas); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 2rem 1rem; max-width: 72rem;
  display: grid; grid-template-columns: 16rem 1fr; gap: 0 2.5rem; }
header { grid-column: 1 / -1; border-bottom: 1px solid var(--line); margin-bottom: 1rem; }
h1 { margin: 0; } h2 { margin: 0 0 .5rem; font-size: 1.25rem; }
a { color: LinkText; } header a { margin-left: .75rem; }
nav ul { list-style: none; margin: 0; padding: 0; position: sticky; top: 1rem; overflow-wrap: anywhere; }
nav b { font-size: .65rem; border: 1px solid var(--line); border-radius: 3px; padding: 0 .25rem; font-weight: 600; }
section { border-bottom: 1px solid var(--line); padding: 0 0 1.5rem; margin-bottom: 1.5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 0 1rem; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .875rem ui-monospace, monospace; }
main { min-width: 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-top: 1px solid var(--line); }
td:last-child { overflow-wrap: anywhere; }
thead th { border: 0; opacity: .7; font-weight: 500; }
@media (max-width: 48rem) { body { display: block; } nav ul { position: static; margin-bottom: 1.5rem; } }
`;
