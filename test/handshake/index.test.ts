import { describe, expect, it } from 'vitest';
import * as handshake from '../../src/handshake/index.ts';

describe('the handshake entry', () => {
  it('§4.1 and §4.2 offers both halves and what they are made of', () => {
    expect(Object.keys(handshake).sort()).toEqual([
      'GUID',
      'HeaderMap',
      'HttpHeadParser',
      'acceptValue',
      'announcesBody',
      'buildConnectRequest',
      'buildRefusalResponse',
      'buildUpgradeRequest',
      'buildUpgradeResponse',
      'checkHeaderName',
      'checkUpgradeRequest',
      'checkUpgradeResponse',
      'chooseSubprotocol',
      'encodeBase64',
      'fieldsOfLines',
      'formatExtensions',
      'formatHead',
      'generateKey',
      'isOnlyInHttp1',
      'isOpened',
      'isOriginAllowed',
      'isToken',
      'listHasToken',
      'mayRefuse',
      'namesOneHost',
      'parseExtensions',
      'parseSubprotocols',
      'parseTarget',
      'reasonPhrase',
      'sha1',
      'upgradeResponseLines',
    ]);
  });
});
