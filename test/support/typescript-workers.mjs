/**
 * For programs that are run from source with `--import tsx`, which registers itself in the main thread alone: their worker
 * threads may be TypeScript, too. (Programs in the package are JavaScript, and newer versions of Node.js read both.)
 */

import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

const { Worker } = threads;

threads.Worker = class extends Worker {
  constructor(file, options) {
    const start = `import('tsx/esm/api').then(({ register }) => {
      register();
      return import(${JSON.stringify(String(file))});
    })`;
    super(start, { ...options, eval: true });
  }
};
syncBuiltinESMExports();
