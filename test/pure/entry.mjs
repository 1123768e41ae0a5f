/** The vectors as a program: what it is loaded into finds its findings in `report`. */

import * as inspector from 'framewright/inspector';
import * as protocol from 'framewright/protocol';
import { checkVectors } from './vectors.mjs';

globalThis.report = checkVectors(protocol, inspector);
