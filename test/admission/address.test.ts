/** The key of an address, in whichever form it is written. */

import { describe, expect, it } from 'vitest';
import { addressKey } from '../../src/admission/address.ts';

describe('addressKey', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    [' 192.0.2.7:4711 ', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['[::ffff:192.0.2.7]:80', '192.0.2.7'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['2001:0DB8:0000:0001:ffff:ffff:ffff:ffff', '2001:db8:0:1::/64'],
    ['[2001:db8:0:1::1]', '2001:db8:0:1::/64'],
    ['[2001:db8:0:1::1]:443', '2001:db8:0:1::/64'],
    ['2001:db8:0:2::1', '2001:db8:0:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
    ['', ''],
    ['_hidden', '_hidden'],
    ['unknown', 'unknown'],
  ])('%s is counted as %s', (written, key) => expect(addressKey(written)).toBe(key));

  it.each(['1:2:3', '1::2::3', '1:2:3:4:5:6:7:8:9', '::12345', '::g', '::1.2.3.256', '1.2.3.4::', '1:2:3:4:5:6:7::8'])(
    '%s is no address, and stays what it is',
    (written) => expect(addressKey(written)).toBe(written),
  );
});
