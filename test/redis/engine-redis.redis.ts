import { redisSuite } from './engine.ts';

redisSuite('redis');
