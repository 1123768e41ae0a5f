import { describe, expect, it } from 'vitest';
import * as handshake from '../../src/handshake/index.ts';

describe('the handshake entry', () => {
  it('§4.1 and §4.2 offers both halves and what they are made of', () => {
    expect(Object.keys(handshake).sort()).toEqual([
      'GUID',
      'HeaderMap',
      'HeaderSyntaxError',
      'HttpHeadParser',
      'acceptValue',
      'allowsNextRequest',
      'buildRefusalResponse',
      'buildUpgradeRequest',
      'buildUpgradeResponse',
      'checkHeaderName',
      'checkHeaderValue',
      'checkUpgradeRequest',
      'checkUpgradeResponse',
      'chooseSubprotocol',
      'encodeBase64',
      'formatExtensions',
      'formatHead',
      'generateKey',
      'isCanonicalKey',
      'isKeyShaped',
      'isToken',
      'listHasToken',
      'parseExtensions',
      'parseSubprotocols',
      'parseTokenList',
      'reasonPhrase',
      'sha1',
      'upgradeResponseLines',
    ]);
  });
});
