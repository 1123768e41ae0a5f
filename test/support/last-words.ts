/**
 * After the summary of a run that failed: a line for each fault. So the end of a long output, often all that is kept of it,
 * says what it was.
 */

import type { Reporter, TestModule } from 'vitest/node';

interface Fault {
  readonly message: string;
}

export default class LastWords implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Fault[]): void {
    const lines = unhandled.map((error) => said('outside of all tests', error));
    for (const module of modules) {
      lines.push(...module.errors().map((error) => said(module.relativeModuleId, error)));
      for (const test of module.children.allTests('failed')) {
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        lines.push(...(test.result().errors ?? []).map((error) => said(name, error)));
      }
    }
    if (lines.length > 0) process.once('exit', () => process.stderr.write(`\n${lines.join('\n')}\n`));
  }
}

function said(where: string, { message }: Fault): string {
  return `✗ ${where}: ${message.split('\n', 1)[0]!.slice(0, 300)}`;
}
