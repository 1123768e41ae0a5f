/** All properties there are, for the test run and for the fuzzer. */

import { BYTES_PROPERTIES } from '../protocol/properties/bytes.ts';
import { CONNECTION_PROPERTIES } from '../protocol/properties/connections.ts';
import { STREAM_PROPERTIES } from '../protocol/properties/streams.ts';
import { WS_PROPERTIES } from '../protocol/properties/ws-differential.ts';
import type { FuzzProperty } from '../support/fuzz.ts';

export const PROPERTIES: readonly FuzzProperty[] = [
  ...BYTES_PROPERTIES,
  ...STREAM_PROPERTIES,
  ...CONNECTION_PROPERTIES,
  ...WS_PROPERTIES,
];
