/**
 * A recording as one list of frames in the order in which they were complete on the wire, both directions together.
 */

import { type Direction, type FrameView, type HeadView, type InspectionView, inspect } from '../inspector/index.ts';
import type { WireChunk } from './session.ts';

export interface TimelineEntry {
  readonly direction: Direction;
  /** When the frame's last byte passed the server, in milliseconds from the start of the connection. */
  readonly atMs: number;
  readonly frame: FrameView;
}

export interface Timeline {
  readonly request: HeadView | undefined;
  readonly response: HeadView | undefined;
  readonly entries: readonly TimelineEntry[];
  readonly views: Readonly<Record<Direction, InspectionView>>;
}

export function buildTimeline(chunks: readonly WireChunk[]): Timeline {
  const views = {
    clientToServer: inspectDirection(chunks, 'clientToServer', 'server'),
    serverToClient: inspectDirection(chunks, 'serverToClient', 'client'),
  };
  const placed = (['clientToServer', 'serverToClient'] as const).flatMap((direction) =>
    views[direction].frames.map((frame) => ({ direction, frame, ...placeOf(frame, chunks, direction) })),
  );
  placed.sort((a, b) => a.chunk - b.chunk || a.frame.index - b.frame.index);
  return {
    request: views.clientToServer.handshake,
    response: views.serverToClient.handshake,
    entries: placed.map(({ direction, atMs, frame }) => ({ direction, atMs, frame })),
    views,
  };
}

function inspectDirection(chunks: readonly WireChunk[], direction: Direction, role: 'server' | 'client') {
  const parts = chunks.filter((chunk) => chunk.direction === direction);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes, at);
    at += part.bytes.length;
  }
  return inspect(bytes, { role });
}

/** The chunk that the frame's last byte came in. */
function placeOf(
  frame: FrameView,
  chunks: readonly WireChunk[],
  direction: Direction,
): { chunk: number; atMs: number } {
  const end = frame.offset + Math.ceil(frame.headerHex.length / 3) + frame.payload.presentLength;
  let passed = 0;
  for (const [chunk, { direction: itsDirection, bytes, atMs }] of chunks.entries()) {
    if (itsDirection !== direction) continue;
    passed += bytes.length;
    if (passed >= end) return { chunk, atMs };
  }
  return { chunk: chunks.length, atMs: chunks.at(-1)?.atMs ?? 0 };
}
