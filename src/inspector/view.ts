/**
 * What an inspection says, as plain data: numbers, strings and arrays only, so that it can be printed as JSON, drawn by a
 * page or rendered as text. Bytes stand in it as hex with a space between bytes; offsets count from the first byte given.
 */

import type { Role, ViolationId } from '../protocol/index.ts';
import type { HeadView, HttpMessageView } from './handshake.ts';

export type FieldId =
  | 'fin'
  | 'rsv1'
  | 'rsv2'
  | 'rsv3'
  | 'opcode'
  | 'mask'
  | 'payloadLength'
  | 'extendedPayloadLength'
  | 'maskingKey'
  | 'payload'
  | 'statusCode'
  | 'closeReason';

/** One field of a frame (§5.2), or of the payload of a Close frame (§5.5.1). */
export interface FieldView {
  readonly id: FieldId;
  readonly name: string;
  /** Counted from the first bit of the frame. */
  readonly firstBit: number;
  readonly bitLength: number;
  /** As it stands on the wire: binary digits for a part of a byte, hex for whole bytes. */
  readonly wire: string;
  /** What the wire says. Payload is unmasked first (§5.3). */
  readonly value: string;
  readonly meaning: string;
  readonly section: string;
  /** Whether the violation lies in this field. */
  readonly isFault: boolean;
}

export interface PayloadView {
  /** In bytes; rounded when it is past 2^53. */
  readonly declaredLength: number;
  /** The same, in decimal digits, when `declaredLength` is rounded. */
  readonly exactLength?: string;
  /** Bytes of it that are there. */
  readonly presentLength: number;
  /** Bytes of it that passed and were not recorded; absent when there are none. */
  readonly lostLength?: number;
  /** The first bytes, as many as the inspection keeps: by default all that are there. */
  readonly wireHex: string;
  readonly unmaskedHex: string;
  /** When it is text by its opcode (§5.6) and this part of it is UTF-8 on its own. */
  readonly text?: string;
}

export interface FrameView {
  readonly index: number;
  readonly offset: number;
  readonly opcode: number;
  readonly opcodeName: string;
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly masked: boolean;
  /** The bytes before the payload, or as many of them as there are. */
  readonly headerHex: string;
  readonly fields: readonly FieldView[];
  readonly payload: PayloadView;
  /** One line: what kind of frame this is. */
  readonly summary: string;
  /** Which message the data frame belongs to, and as which of its frames, from 1 on (§5.4). */
  readonly message?: { readonly index: number; readonly part: number };
  /** The message that ends with it. */
  readonly completed?: MessageView;
  /** When the fault lies in this frame. */
  readonly violation?: ViolationView;
  /**
   * `whole`; `cut`, when the bytes end inside it; `refused`, when the receiver refuses it for its header and so never
   * looks at its payload.
   */
  readonly state: 'whole' | 'cut' | 'refused';
}

/** One message, in one frame or in fragments with control frames in between (§5.4). */
export interface MessageView {
  readonly index: number;
  /** Of its first frame. */
  readonly opcode: number;
  readonly type: 'text' | 'binary';
  /** Indices of its frames. */
  readonly frames: readonly number[];
  /** Of the payloads of its frames. */
  readonly length: number;
  readonly isComplete: boolean;
  /** RFC 7692 §6.1: RSV1 of the first frame. */
  readonly isCompressed: boolean;
  /** Of a compressed message that is complete: what it says. */
  readonly inflated?: InflatedView;
  /** Of a complete text message, when all of it is kept. */
  readonly text?: string;
  /** Why it cannot be shown. */
  readonly fault?: string;
}

/** What a compressed message says (RFC 7692 §7.2.2). */
export interface InflatedView {
  readonly length: number;
  /** How many times as long as the compressed bytes. */
  readonly ratio: number;
  /** The first bytes, as many as the inspection keeps. */
  readonly hex: string;
  /** When it is text: as far as it is kept. */
  readonly text?: string;
}

export interface ViolationView {
  readonly id: ViolationId;
  readonly code: string;
  readonly closeCode: number;
  readonly closeCodeName: string;
  readonly section: string;
  readonly message: string;
  readonly remedy: string;
  readonly frame: number;
  /** The first byte of the offending frame. */
  readonly offset: number;
  /** The byte in which the fault lies. */
  readonly faultOffset: number;
}

/** The end of the bytes, where it is not the end of a frame. */
export interface IncompleteView {
  readonly within: 'handshake' | 'header' | 'payload';
  /** Where the cut part begins. */
  readonly offset: number;
  /** Payload bytes not there, or the least number of header bytes not there; 0 when nobody can say. */
  readonly missingBytes: number;
  readonly explanation: string;
}

/** Bytes that a receiver does not read. */
export interface IgnoredView {
  readonly offset: number;
  readonly length: number;
  readonly hex: string;
  readonly explanation: string;
  readonly section: string;
}

/** permessage-deflate (RFC 7692) is in use, so that RSV1 marks compressed messages. */
export interface DeflateView {
  /**
   * Who says so: the option, the 101 response, or the request, which only offers it; or nobody, and RSV1 stands in a
   * recording whose handshake is not there.
   */
  readonly from: 'option' | 'response' | 'request' | 'guess';
  /** The extension as it stands in the head, with its parameters; empty for the option. */
  readonly parameters: string;
}

export interface InspectionView {
  /** The role of the receiver: what a client sends is read as a server reads it. */
  readonly role: Role;
  /** How `role` was found: from the option, an HTTP head, the MASK bit of the first frame, or for want of any of these. */
  readonly roleFrom: 'option' | 'handshake' | 'mask' | 'default';
  readonly length: number;
  /** HTTP messages before the handshake on the same connection. */
  readonly preceding?: readonly HttpMessageView[];
  readonly handshake?: HeadView;
  readonly deflate?: DeflateView;
  readonly frames: readonly FrameView[];
  readonly messages: readonly MessageView[];
  readonly violation?: ViolationView;
  readonly incomplete?: IncompleteView;
  readonly ignored?: IgnoredView;
}
