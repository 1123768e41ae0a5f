/** The permessage-deflate of the npm package ws, which its types leave out: the other side in comparisons. */

import * as ws from 'ws';
import type { Extension } from '../../src/handshake/index.ts';

type WsParams = Record<string, boolean | number>;

interface WsCodec {
  readonly params: WsParams | null;
  offer(): WsParams;
  /** Takes the values of each parameter in an array. Throws when the handshake has to fail. */
  accept(offers: Record<string, (string | true)[]>[]): WsParams;
  compress(data: Uint8Array, fin: boolean, done: (error: Error | null, data: Uint8Array) => void): void;
  decompress(data: Uint8Array, fin: boolean, done: (error: Error | null, data: Uint8Array) => void): void;
  cleanup(): void;
}
export const { PerMessageDeflate: WsPerMessageDeflate } = ws as unknown as {
  readonly PerMessageDeflate: new (options: object) => WsCodec;
};
export type WsPerMessageDeflate = WsCodec;

/** Our parsed extensions as ws's parser gives them. */
export function toWsOffers(extensions: readonly Extension[]): Record<string, (string | true)[]>[] {
  return extensions.map(({ params }) => {
    const offer: Record<string, (string | true)[]> = Object.create(null);
    for (const { name, value } of params) offer[name] = [...(offer[name] ?? []), value];
    return offer;
  });
}

/** ws's parameters as a set of `name` or `name=value`. */
export function wsParamSet(params: WsParams): string[] {
  return Object.entries(params)
    .map(([name, value]) => (value === true ? name : `${name}=${value}`))
    .sort();
}

export function ourParamSet({ params }: Extension): string[] {
  return params.map(({ name, value }) => (value === true ? name : `${name}=${value}`)).sort();
}
