/** The versions of Node.js that run what is measured: npm's, or the one that runs this where npm has none for the machine. */

import { peerFile, peerVersion } from './peers.ts';

export const NODE_MAJORS: readonly string[] = ['20', '22', '24', '26'];
/** Runs the load, and what is measured unless told otherwise. */
export const DEFAULT_NODE = '24';

/** The program; undefined where there is none. */
export function nodeFile(major: string): string | undefined {
  if (peerVersion(`node-${major}`) !== undefined) return peerFile(`node-${major}`, 'bin/node');
  return process.versions.node.startsWith(`${major}.`) ? process.execPath : undefined;
}

/** What `nodeFile` says of itself: v24.21.0. */
export function nodeVersion(major: string): string {
  const installed = peerVersion(`node-${major}`);
  return installed === undefined ? process.version : `v${installed}`;
}
