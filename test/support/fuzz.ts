/**
 * Properties that hold for any input, in a form that both the test run and the long-running fuzzer take: a name, the
 * section it is about, how often the test run tries it, and a fast-check property. Executions are counted where they
 * happen, so that a number of cases is what has been run and not what was asked for.
 */

import fc from 'fast-check';

/** How many cases of each property a test run generates. The sum is promised to be 100,000 or more. */
export const RUN_COUNTS = {
  'mask-equals-reference': 10_000,
  'utf8-random-bytes': 8_000,
  'utf8-damaged-text': 12_000,
  'frame-round-trip': 12_000,
  'frame-same-as-ws-sender': 6_000,
  'parser-equals-reference': 12_000,
  'connection-equals-reference': 8_000,
  'garbage-never-throws': 12_000,
  'control-frames-anywhere': 10_000,
  'connection-state-table': 12_000,
  'closing-between-two-ends': 4_000,
  'same-as-ws-receiver': 24_000,
  'same-as-ws-receiver-on-garbage': 6_000,
} as const;
export type PropertyName = keyof typeof RUN_COUNTS;

export interface FuzzProperty {
  readonly name: PropertyName;
  /** What holds, beginning with the section. */
  readonly title: string;
  readonly property: fc.IProperty<[unknown]>;
}

const executions = new Map<PropertyName, number>();

/** A property whose every execution is counted. `holds` throws when it does not. */
export function defineProperty<T>(
  name: PropertyName,
  title: string,
  arbitrary: fc.Arbitrary<T>,
  holds: (input: T) => void,
): FuzzProperty {
  const property = fc.property(arbitrary, (input) => {
    executions.set(name, executionsOf(name) + 1);
    holds(input);
  });
  return { name, title, property: property as fc.IProperty<[unknown]> };
}

/** How often the property has been executed in this process. */
export function executionsOf(name: PropertyName): number {
  return executions.get(name) ?? 0;
}

/** How often all properties have been executed in this process. */
export function totalExecutions(): number {
  return [...executions.values()].reduce((sum, count) => sum + count, 0);
}
