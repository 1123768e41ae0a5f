/** Draws which folder of src imports which as the Mermaid diagram that stands in spec-notes. */

/** What a unit imports, directly or by way of others. */
function reachOf(unit: string, imports: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const direct = [...(imports.get(unit) ?? [])];
  return new Set([...direct, ...direct.flatMap((next) => [...reachOf(next, imports)])]);
}

/**
 * A fenced Mermaid block: one arrow for each unit that another imports. An arrow that follows from others is left out,
 * since a step may import all steps below it, and most do.
 * @param imports without circles
 */
export function drawFolders(imports: ReadonlyMap<string, ReadonlySet<string>>): string {
  const arrows = [...imports].flatMap(([unit, targets]) =>
    [...targets]
      .filter((target) => ![...targets].some((other) => reachOf(other, imports).has(target)))
      .sort()
      .map((target) => `  ${unit} --> ${target}`),
  );
  return ['```mermaid', 'flowchart TD', ...arrows.sort(), '```'].join('\n');
}
