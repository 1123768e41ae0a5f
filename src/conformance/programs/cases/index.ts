/** The cases beyond Autobahn's, by namespace, in their order. */

import type { ProgramCase } from '../program.ts';
import { ATTACK_CASES } from './attacks.ts';
import { DEFLATE_CASES } from './deflate.ts';
import { GAP_CASES } from './gaps.ts';
import { CLIENT_HANDSHAKE_CASES } from './handshake-client.ts';
import { SERVER_HANDSHAKE_CASES } from './handshake-server.ts';
import { LENGTH_CASES } from './lengths.ts';
import { LOAD_CASES } from './load.ts';
import { MASKING_CASES } from './masking.ts';

/** What each letter is about. */
export const NAMESPACES: Readonly<Record<string, string>> = {
  H: 'the opening handshake',
  M: 'masking and roles',
  L: 'lengths',
  D: 'compression',
  A: 'attacks',
  X: 'frames, text and closing, beyond groups 1 to 7',
  T: 'load and slow peers',
};

export const SUBGROUPS_OF_PROGRAMS: Readonly<Record<string, string>> = {
  'H.1': "a server's answer",
  'H.2': 'the request line, read by a server',
  'H.3': 'Host, Upgrade and Connection',
  'H.4': 'key and version',
  'H.5': 'offers of subprotocols and extensions',
  'H.6': 'the request as a message of HTTP',
  'H.7': "a client's request",
  'H.8': 'answers on which a client fails',
  'H.9': 'legal oddities of an answer',
  'M.1': 'frames masked as the other role does',
  'M.2': 'what the testee masks',
  'M.3': 'what a server unmasks',
  'L.1': 'lengths that are announced',
  'L.2': 'lengths that the testee writes',
  'L.3': 'cuts in headers',
  'L.4': 'announced and never sent',
  'D.1': "a server's answers to offers",
  'D.2': "a client's judgement of answers",
  'D.3': 'compressed messages, received',
  'D.4': 'compressed messages that are none',
  'D.5': 'compressed messages, sent',
  'A.1': 'messages without measure',
  'A.2': 'heads and connections without measure',
  'A.3': 'a cut in the wrong place',
  'X.1': 'bits and fragments of control frames',
  'X.2': 'messages and pings',
  'X.3': 'the closing handshake',
  'X.4': 'the end of TCP',
  'T.1': 'bursts',
  'T.2': 'slow peers',
  'T.3': 'several connections',
};

export const PROGRAM_CASES: readonly ProgramCase[] = [
  ...SERVER_HANDSHAKE_CASES,
  ...CLIENT_HANDSHAKE_CASES,
  ...MASKING_CASES,
  ...LENGTH_CASES,
  ...DEFLATE_CASES,
  ...ATTACK_CASES,
  ...GAP_CASES,
  ...LOAD_CASES,
];
