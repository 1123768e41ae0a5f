/** What is known not to work on another runtime, and why. An entry that works is a failure too: it has to go from here. */

import type { Runtime } from './programs.ts';

export interface Difference {
  readonly runtime: Runtime;
  /** Whose process is the runtime's. */
  readonly role: 'server' | 'client';
  /** As `program/client.mjs` calls it. */
  readonly scenario: string;
  readonly reason: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    runtime: 'deno',
    role: 'client',
    scenario: 'HTTP/2 over TLS, at an address',
    reason:
      'node:http2 of Deno makes the origin of a session from the name in the certificate request, which addresses lack',
  },
];
