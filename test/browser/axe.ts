/** What axe-core finds in a page. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Rules that are broken in a way that shuts people out, each with the elements and what is wrong with them. */
export async function seriousFaults(page: Page): Promise<unknown> {
  return page.evaluate(`(async () => {
    if (window.axe === undefined) { ${AXE} }
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => target + ': ' + failureSummary)]);
  })()`);
}
