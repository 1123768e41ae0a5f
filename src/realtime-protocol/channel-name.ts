/** Names of channels and the patterns they belong to: `room:general` and `room:{room}`. */

/** Longest name of a channel, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 256;

const PARAMETER = /\{([^{}]*)\}/g;
/** What stands for something else in an expression, or in a class of characters. */
const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g;
const PARAMETER_NAME = /^[A-Za-z_]\w*$/;

/** A pattern made ready to be matched. */
export interface ChannelPattern {
  readonly pattern: string;
  /** The parameters of a name, or `undefined` when the name does not belong to the pattern. */
  match(name: string): Readonly<Record<string, string>> | undefined;
}

export function compilePattern(pattern: string): ChannelPattern {
  const names = parametersOf(pattern);
  const [head, ...literals] = pattern.split(/\{[^{}]*\}/).map((text) => text.replace(SPECIAL, '\\$&'));
  const parts = literals.map((text, i) => {
    // Where another parameter follows, one ends where its next character is first met: so there is one way to match, and no name
    // takes long.
    const end = text.includes(':') || i === literals.length - 1 ? '' : /^\\?./s.exec(text)![0];
    return `([^:${end}]+)${text}`;
  });
  const expression = new RegExp(`^${head}${parts.join('')}$`, 's');
  return {
    pattern,
    match(name) {
      if (name.length > MAX_NAME_LENGTH) return undefined;
      const found = expression.exec(name);
      return found === null ? undefined : Object.fromEntries(names.map((key, i) => [key, found[i + 1]!]));
    },
  };
}

function parametersOf(pattern: string): string[] {
  return [...pattern.matchAll(PARAMETER)].map(([, name]) => name!);
}

/** What is wrong with the patterns of a protocol, in words; `undefined` when nothing is. */
export function patternFault(patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    const names = parametersOf(pattern);
    const bad = names.find((name) => !PARAMETER_NAME.test(name));
    if (pattern === '' || pattern.length > MAX_NAME_LENGTH) {
      return `a channel's name has 1 to ${MAX_NAME_LENGTH} characters: '${pattern}' has ${pattern.length}`;
    }
    if (bad !== undefined)
      return `'${bad}' in '${pattern}' is no name of a parameter: use letters, _, and digits behind them`;
    if (new Set(names).size < names.length) return `'${pattern}' has two parameters of one name`;
    if (/[{}]/.test(pattern.replace(PARAMETER, ''))) return `'${pattern}' has a brace without its other one`;
    if (pattern.includes('}{')) return `'${pattern}' has two parameters with nothing between them`;
  }
  for (const [i, pattern] of patterns.entries()) {
    const other = patterns.slice(i + 1).find((another) => canOverlap(pattern, another));
    if (other !== undefined) return `'${pattern}' and '${other}' can stand for the same name`;
  }
  return undefined;
}

/** Whether a name exists that belongs to both. Parameters end at colons, so segments are compared one by one. */
function canOverlap(a: string, b: string): boolean {
  const left = a.split(':');
  const right = b.split(':');
  return left.length === right.length && left.every((segment, i) => segmentsOverlap(segment, right[i]!));
}

/**
 * Whether two segments can be the same text. With a parameter in both, what stands before the first and behind the last one
 * decides; what stands between them can be part of the other's parameter.
 */
function segmentsOverlap(a: string, b: string): boolean {
  const hasA = a.includes('{');
  const hasB = b.includes('{');
  if (!hasA && !hasB) return a === b;
  if (!hasA) return compilePattern(b).match(a) !== undefined;
  if (!hasB) return compilePattern(a).match(b) !== undefined;
  const agree = (x: string, y: string, test: 'startsWith' | 'endsWith') => x[test](y) || y[test](x);
  return (
    agree(a.slice(0, a.indexOf('{')), b.slice(0, b.indexOf('{')), 'startsWith') &&
    agree(a.slice(a.lastIndexOf('}') + 1), b.slice(b.lastIndexOf('}') + 1), 'endsWith')
  );
}
