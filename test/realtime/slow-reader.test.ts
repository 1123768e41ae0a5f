import { it } from 'vitest';
import { trySlowReader } from './promises/slow-reader.ts';

it('a reader that has stopped holds queueBytes and holds up nobody; it catches up', () => trySlowReader(49));
