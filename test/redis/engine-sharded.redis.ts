import { redisSuite } from './engine.ts';

redisSuite('ioredis', { sharded: true });
