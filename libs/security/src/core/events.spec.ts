import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SecurityEvents, type SecurityEvent } from './events.js';

const event: SecurityEvent = { type: 'keys_changed', time: 0, issuer: 'https://id.palisade.test' };

describe('Security events', () => {
  beforeEach(() => Logger.overrideLogger(false));
  afterEach(() => Logger.overrideLogger(['log']));

  it('reach every listener until it ends its subscription', () => {
    const events = new SecurityEvents();
    const seen: string[] = [];
    const end = events.subscribe(() => seen.push('first'));
    events.subscribe(() => seen.push('second'));
    events.emit(event);
    end();
    events.emit(event);
    expect(seen).toEqual(['first', 'second', 'second']);
  });

  it('reach the others when a listener fails, and disturb nobody', () => {
    const events = new SecurityEvents();
    const seen: SecurityEvent[] = [];
    events.subscribe(() => {
      throw new Error('the sink is away');
    });
    events.subscribe((received) => seen.push(received));
    expect(() => events.emit(event)).not.toThrow();
    expect(seen).toEqual([event]);
  });

  it('are built for nobody where nobody listens', () => {
    const events = new SecurityEvents();
    expect(events.observed).toBe(false);
    const end = events.subscribe(() => undefined);
    expect(events.observed).toBe(true);
    end();
    expect(events.observed).toBe(false);
  });
});
