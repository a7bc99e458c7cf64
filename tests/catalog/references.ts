/** Returns the references of a document that lead nowhere in it. */
export function deadReferences(document: unknown): string[] {
  const dead: string[] = [];
  for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"#([^"]*)"/g)) {
    const steps = reference.split("/").slice(1);
    const target = steps.reduce(
      (node: unknown, step) => (node as Record<string, unknown> | undefined)?.[step],
      document,
    );
    if (target === undefined) dead.push(reference);
  }
  return dead;
}
