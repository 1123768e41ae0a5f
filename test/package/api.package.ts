/** The API reference is what the docstrings say now. */

import { expect, it } from 'vitest';
import { API_FOLDER, makeApiPages, readPages } from '../support/api-pages.ts';

it('spec-notes/api is that of src', async () => {
  const made = await makeApiPages();
  expect(Object.keys(made)).toContain('framewright-protocol.md');
  expect(made['framewright-protocol.md']).toContain('readFrames');
  const kept = readPages(API_FOLDER);
  const stale = Object.keys({ ...kept, ...made }).filter((page) => kept[page] !== made[page]);
  expect(stale, 'run `npm run build:api`, and commit what it writes').toEqual([]);
});
