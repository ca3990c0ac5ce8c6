import { describe, expect, it } from '@jest/globals';
import { ENDED_SESSION_COOKIE, SESSION_COOKIE, sessionCookie } from './session.cookie.js';

describe('the cookie of a session', () => {
  it('has what its prefix asks for: Secure, the whole path, and no domain', () => {
    for (const cookie of [sessionCookie({ value: 'x', expiresIn: 900 }), ENDED_SESSION_COOKIE]) {
      expect(cookie.startsWith(`${SESSION_COOKIE}=`)).toBe(true);
      expect(cookie.split('; ')).toEqual(expect.arrayContaining(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']));
      expect(cookie).not.toContain('Domain');
    }
  });

  it('lives as long as its token', () => {
    expect(sessionCookie({ value: 'x', expiresIn: 60 })).toContain('; Max-Age=60;');
    expect(ENDED_SESSION_COOKIE).toContain('; Max-Age=0;');
  });
});
