import { describe, expect, it } from '@jest/globals';
import { CspReportLimiter } from './csp-report.limits.js';

const MINUTE = 60_000;

/** How many of `count` requests are taken, each read to its end at once. */
function taken(limiter: CspReportLimiter, address: string | undefined, count: number, now = 0): number {
  let admitted = 0;
  for (let request = 0; request < count; request++) {
    const release = limiter.admit(address, now);
    if (release === undefined) continue;
    admitted++;
    release();
  }
  return admitted;
}

describe('the limits of reports', () => {
  it('take so many from one address in a minute, and again in the next', () => {
    const limiter = new CspReportLimiter({ addressPerMinute: 3, totalPerMinute: 100 });
    expect(taken(limiter, '192.0.2.1', 10, 1000)).toBe(3);
    expect(taken(limiter, '192.0.2.1', 10, MINUTE - 1)).toBe(0);
    expect(taken(limiter, '192.0.2.1', 10, MINUTE)).toBe(3);
  });

  it('take so many from everybody together', () => {
    const limiter = new CspReportLimiter({ addressPerMinute: 3, totalPerMinute: 8 });
    const each = [1, 2, 3, 4, 5].map((host) => taken(limiter, `192.0.2.${host}`, 10));
    expect(each).toEqual([3, 3, 2, 0, 0]);
  });

  it('do not let one address use up what is there for all', () => {
    const limiter = new CspReportLimiter({ addressPerMinute: 3, totalPerMinute: 8 });
    taken(limiter, '192.0.2.1', 1000);
    expect(taken(limiter, '192.0.2.2', 3)).toBe(3);
  });

  it.each([
    ['addresses of one /64 network', '2001:db8:1:2::1', '2001:db8:1:2:ffff::9', 0],
    ['addresses of two /64 networks', '2001:db8:1:2::1', '2001:db8:1:3::1', 1],
    ['spellings of one address', '2001:DB8::1', '2001:db8:0:0:0:0:0:1', 0],
    ['an address of IPv4 and the same mapped to IPv6', '192.0.2.1', '::ffff:192.0.2.1', 0],
    ['two addresses of IPv4 mapped to IPv6', '::ffff:192.0.2.1', '::ffff:192.0.2.2', 1],
    ['no address and no address', undefined, 'unknown', 0],
  ])('tell %s apart as they should', (_, first, second, left) => {
    const limiter = new CspReportLimiter({ addressPerMinute: 1, totalPerMinute: 100 });
    expect(taken(limiter, first, 1)).toBe(1);
    expect(taken(limiter, second, 1)).toBe(left);
  });

  it('remember no more addresses than requests that were taken, and forget them with the minute', () => {
    const limiter = new CspReportLimiter({ addressPerMinute: 1, totalPerMinute: 50 });
    for (let host = 0; host < 5000; host++) taken(limiter, `10.0.${host >> 8}.${host & 255}`, 1);
    expect(limiter.size).toBe(50);
    taken(limiter, '10.0.0.1', 1, MINUTE);
    expect(limiter.size).toBe(1);
  });

  it('let one address have few bodies open at a time, and everybody a bounded number', () => {
    const limiter = new CspReportLimiter({ addressPerMinute: 1000, totalPerMinute: 10_000 });
    const open = (host: number) =>
      Array.from({ length: 100 }, () => limiter.admit(`192.0.2.${host}`, 0)).filter((release) => release !== undefined);
    const first = open(1);
    expect(first).toHaveLength(8);
    const others = Array.from({ length: 20 }, (_, host) => open(host + 2));
    expect(others.flat()).toHaveLength(56);
    for (const release of [...first, ...others.flat()]) release();
    expect(open(1)).toHaveLength(8);
  });

  it('still count the bodies that are open when a minute ends', () => {
    const limiter = new CspReportLimiter({ addressPerMinute: 1000, totalPerMinute: 10_000 });
    for (let body = 0; body < 8; body++) limiter.admit('192.0.2.1', 0);
    expect(limiter.admit('192.0.2.1', MINUTE)).toBeUndefined();
  });
});
