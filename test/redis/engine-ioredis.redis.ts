import { redisSuite } from './engine.ts';

redisSuite('ioredis');
