/**
 * OpenMetrics 1.0 as text: families of samples as lines. It refuses to know what is counted.
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 */

/** What the answer's Content-Type has to be. */
export const OPENMETRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

interface FamilyHead {
  /** Without a counter's `_total`; with its unit at the end, if it has one. */
  readonly name: string;
  readonly unit?: 'bytes' | 'seconds';
  readonly help: string;
}

export type Family = FamilyHead &
  (
    | { readonly type: 'gauge'; readonly value: number }
    | { readonly type: 'counter'; readonly values: readonly (readonly [labels: Labels, value: number])[] }
    | { readonly type: 'histogram'; readonly histogram: Histogram }
  );

/** How often values came that were at most so large, for each of some bounds. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** How many came in each bucket, the last without a bound. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let place = 0;
    while (value > this.#bounds[place]!) place++;
    this.#counts[place]! += 1;
    this.#sum += value;
  }

  format(name: string): string[] {
    let count = 0;
    const lines = this.#counts.map((ownCount, place) => {
      count += ownCount;
      return sampleLine(`${name}_bucket`, { le: canonical(this.#bounds[place] ?? Number.POSITIVE_INFINITY) }, count);
    });
    return [...lines, sampleLine(`${name}_count`, {}, count), sampleLine(`${name}_sum`, {}, this.#sum)];
  }
}

export function formatMetrics(families: readonly Family[]): string {
  return [...families.flatMap(formatFamily), '# EOF', ''].join('\n');
}

function formatFamily(family: Family): string[] {
  const { name, type, unit, help } = family;
  const head = [`# TYPE ${name} ${type}`, `# HELP ${name} ${escaped(help)}`];
  if (unit !== undefined) head.push(`# UNIT ${name} ${unit}`);
  return [...head, ...samplesOf(family)];
}

function samplesOf(family: Family): string[] {
  const { name } = family;
  if (family.type === 'gauge') return [sampleLine(name, {}, family.value)];
  if (family.type === 'histogram') return family.histogram.format(name);
  return family.values.map(([labels, value]) => sampleLine(`${name}_total`, labels, value));
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => ESCAPES[character]!);
}

/** A bound in the one form that all exposers write: as Go's %g does, and never without point or exponent. */
function canonical(bound: number): string {
  if (bound === Number.POSITIVE_INFINITY) return '+Inf';
  if (bound >= 1e6) return bound.toExponential().replace(/e\+(\d)$/, 'e+0$1');
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}
