/** All that is fuzzed. */

import { PROPERTIES } from '../properties.ts';
import { type FuzzTarget, propertyTarget } from '../target.ts';
import { DECODER_TARGETS } from './decoder.ts';
import { DEFLATE_TARGETS } from './deflate.ts';
import { FRAME_TARGETS } from './frames.ts';
import { LIST_TARGETS } from './header-lists.ts';
import { HEAD_TARGETS } from './http-heads.ts';
import { PAIR_TARGETS } from './pair.ts';
import { SERVER_TARGETS } from './servers.ts';

export const TARGETS: readonly FuzzTarget[] = [
  ...PROPERTIES.map(propertyTarget),
  ...FRAME_TARGETS,
  ...PAIR_TARGETS,
  ...HEAD_TARGETS,
  ...LIST_TARGETS,
  ...DEFLATE_TARGETS,
  ...SERVER_TARGETS,
  ...DECODER_TARGETS,
];
