import { describe, expect, it } from '@jest/globals';
import { compileHoneypots } from './honeypots.policy.js';

describe('Honeypots', () => {
  const isHoneypot = compileHoneypots(['/.env', '/wp-admin/*', '/phpMyAdmin']);

  it.each([
    '/.env',
    '/.ENV',
    '/.env/',
    '/.env?x=1',
    '/wp-admin/',
    '/wp-admin/a/b?c',
    '/WP-ADMIN/x',
    '/phpmyadmin',
    'http://bank.example/.env',
  ])('have %s', (url) => {
    expect(isHoneypot(url)).toBe(true);
  });

  it.each(['/', '/.environment', '/a/.env', '/wp-admin', '/?/.env', '/phpmyadmin2', '', '*'])(
    'do not have %j',
    (url) => {
      expect(isHoneypot(url)).toBe(false);
    },
  );
});
