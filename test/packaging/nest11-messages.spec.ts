import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Consumer } from './consumer.js';

const MINUTES = 60_000;

const DENIED = {
  status: 'error',
  statusCode: 403,
  code: expect.stringMatching(/^(?:transport_unsupported|route_unknown)$/),
  message: expect.not.stringContaining('Internal'),
};

/** What came of one case: a transport or a way to connect a microservice, the rules, the answer. */
type Outcome = readonly [string, string, unknown];

describe('the packed library under Nest 11, with gateways and microservices', () => {
  let consumer: Consumer;
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    consumer = await Consumer.install('nest11-messages');
    expect(await consumer.build()).toMatchObject({ status: 0 });
    const { stdout, stderr } = await consumer.startInVain({});
    expect(stderr).toBe('');
    outcomes = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Outcome);
  }, 5 * MINUTES);

  afterAll(() => consumer.remove());

  function of(...places: readonly string[]): readonly Outcome[] {
    const found = outcomes.filter(([place]) => places.includes(place));
    expect(new Set(found.map(([place]) => place)).size).toBe(places.length);
    return found;
  }

  it('denies handlers of gateways with a code, over ws and socket.io, and serves public ones', () => {
    const found = of('ws', 'socket.io');
    expect(found.length).toBeGreaterThanOrEqual(18);
    for (const [kind, rules, answer] of found) {
      expect([kind, rules, answer]).toEqual([
        kind,
        rules,
        rules.startsWith('@Public') ? { event: 'said', data: 'hello' } : { event: 'exception', data: DENIED },
      ]);
    }
  });

  it('denies handlers of messages with a code, however the microservice is connected, and serves public ones', () => {
    const found = of('alone', 'inherit', 'plain', 'deferred');
    expect(found.length).toBeGreaterThanOrEqual(24);
    for (const [connection, rules, outcome] of found) {
      expect([connection, rules, outcome]).toEqual([
        connection,
        rules,
        rules.startsWith('@Public') ? { answer: 'balance', heard: ['event'] } : { answer: DENIED, heard: [] },
      ]);
    }
  });
});
