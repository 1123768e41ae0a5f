/** What stands in the target of a request: its path, and the parameters of its query. */

export function pathOf(target: string): string {
  return target.split('?', 1)[0]!;
}

export function parameterOf(target: string, name: string): string | undefined {
  const query = target.indexOf('?');
  if (query === -1) return undefined;
  return new URLSearchParams(target.slice(query + 1)).get(name) ?? undefined;
}
