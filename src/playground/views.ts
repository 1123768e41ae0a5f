/** The views of the page, in the order of its menu. Each is loaded when somebody goes there. */

import type { ComponentType } from 'react';

export interface View {
  /** In the address. */
  readonly id: string;
  readonly name: string;
  /** One sentence: what it is for. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
}

export const VIEWS: readonly View[] = [
  {
    id: 'live',
    name: 'Live',
    summary: 'Connect a WebSocket and see every frame of it, bit by bit, in both directions.',
    load: () => import('./live/live-view.tsx'),
  },
  {
    id: 'decode',
    name: 'Decode',
    summary: 'Paste bytes in any form, or drop a file: see which frames they are, and what is wrong with them.',
    load: () => import('./decode/decode-view.tsx'),
  },
];
