/**
 * A run of frames. The browser lays out and paints a full one only when it comes near the view (style.css). React passes
 * over those that have not changed.
 */

import { memo, type ReactNode } from 'react';
import { FRAMES_PER_BLOCK } from './recording.ts';

interface FrameBlockProps<Item> {
  readonly items: readonly Item[];
  /** The card of an item, with its key. */
  readonly children: (item: Item) => ReactNode;
}

function Block<Item>({ items, children }: FrameBlockProps<Item>) {
  const isFull = items.length === FRAMES_PER_BLOCK;
  return <div className={isFull ? 'frame-block frame-block-full' : 'frame-block'}>{items.map(children)}</div>;
}

export const FrameBlock = memo(Block) as typeof Block;
