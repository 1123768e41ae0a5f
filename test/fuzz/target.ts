/**
 * What can be fuzzed: something that takes any bytes, and throws when what must hold does not. Bytes are all that the fuzzer
 * knows: it changes them, keeps them, shortens them and writes them down.
 */

import fc from 'fast-check';
import type { FuzzProperty } from '../support/fuzz.ts';
import { Choices } from './choices.ts';

export interface FuzzTarget {
  readonly name: string;
  /** What holds. */
  readonly title: string;
  /** To begin with. */
  readonly seeds?: readonly Uint8Array[];
  /** @throws when it does not hold */
  readonly run: (input: Uint8Array) => void | Promise<void>;
  /** The input in words, for people. */
  readonly show: (input: Uint8Array) => string;
}

/** A property of the test run: the bytes are the choices that its generators make. */
export function propertyTarget({ name, title, property }: FuzzProperty): FuzzTarget {
  const generated = (input: Uint8Array) => property.generate(new fc.Random(new Choices(input))).value;
  return {
    name,
    title,
    run(input) {
      const failure = property.run(generated(input));
      if (failure !== null && 'error' in failure) throw failure.error;
    },
    show: (input) => fc.stringify(generated(input)),
  };
}
