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
  {
    id: 'build',
    name: 'Build',
    summary: 'Make a frame bit by bit, or break a rule: see its bytes, and what a server or a client does with them.',
    load: () => import('./build/build-view.tsx'),
  },
  {
    id: 'cut',
    name: 'Cut',
    summary: 'Cut the same bytes anywhere, and step through them byte by byte: see what the parser holds.',
    load: () => import('./cut/cut-view.tsx'),
  },
  {
    id: 'close',
    name: 'Close',
    summary: 'Drive both ends of a connection to its end: see how each close code comes about.',
    load: () => import('./close/close-view.tsx'),
  },
  {
    id: 'learn',
    name: 'Learn',
    summary: 'Eight short lessons, from the upgrade to compression. At the end you can write a parser.',
    load: () => import('./learn/learn-view.tsx'),
  },
];
