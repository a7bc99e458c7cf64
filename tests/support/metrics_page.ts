/** One series of a `/metrics` page. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Parses a `/metrics` page. */
export function readPage(page: string): Series[] {
  return page.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [, name, labels = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

/** Returns the value of one series; undefined if there is none. Throws if there are several. */
export function valueOf(page: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = readPage(page).filter((one) =>
    one.name === name && Object.entries(labels).every(([key, text]) => one.labels[key] === text)
  );
  if (found.length > 1) throw new Error(`${found.length} series are ${name}${JSON.stringify(labels)}`);
  return found[0]?.value;
}
