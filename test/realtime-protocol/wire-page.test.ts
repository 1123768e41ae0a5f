import { describe, expect, it } from 'vitest';
import { CLIENT_MESSAGES, readFrame, SERVER_MESSAGES } from '../../src/realtime-protocol/wire.ts';
import { read, refresh, TABLES } from './wire-page.ts';

const page = read('spec-notes/realtime-wire.md');

describe('the page of the wire', () => {
  it('has the tables that the code makes', () => {
    expect(page, `put this into spec-notes/realtime-wire.md:\n\n${refresh(page)}`).toBe(refresh(page));
    for (const name of Object.keys(TABLES)) expect(page).toContain(`<!-- /${name} -->`);
    expect(page).not.toContain('has no comment');
  });

  it('shows messages that are such', () => {
    const blocks = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].flatMap(([, block]) => block!.trim().split('\n'));
    expect(blocks.length).toBeGreaterThan(10);
    for (const line of blocks) {
      const [, side, text] = /^([CS]): (.*)$/.exec(line) ?? [];
      const messages = readFrame(text!, (side === 'C' ? CLIENT_MESSAGES : SERVER_MESSAGES) as typeof CLIENT_MESSAGES);
      expect(messages.map(({ type }) => type)).not.toContain('refused');
    }
  });
});
