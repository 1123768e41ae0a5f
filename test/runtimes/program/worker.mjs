/** The vectors in workerd, as a test of its own. */

import * as inspector from 'framewright/inspector';
import * as protocol from 'framewright/protocol';
import { checkVectors } from './vectors.mjs';

export default {
  test() {
    const { comparisons, faults } = checkVectors(protocol, inspector);
    const globals = ['Buffer', 'process', 'require'].filter((name) => name in globalThis);
    console.log(JSON.stringify({ comparisons, faults, globals }));
  },
};
