import { Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Public } from '@palisade/nest';
import { GRAPHQL_SERVERS, RunningGraphql } from '../../support/graphql.js';
import { securityWith } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';
import { WebSocketClient } from '../../support/websocket.js';

const key = signingKey('ES256');
const called: string[] = [];

@Resolver()
class Rates {
  @Query(() => String, { nullable: true })
  @Public()
  rate() {
    called.push('rate');
    return '1.08';
  }

  @Query(() => String, { nullable: true })
  mine() {
    called.push('mine');
    return 'mine';
  }

  @Subscription(() => String, { nullable: true })
  @Public()
  async *rates() {
    called.push('rates');
    yield { rates: '1.08' };
    await Promise.resolve();
  }
}

describe.each(GRAPHQL_SERVERS)('GraphQL over a WebSocket (%s)', (server) => {
  let app: RunningGraphql | undefined;
  let socket: WebSocketClient | undefined;

  afterEach(async () => {
    socket?.close();
    await app?.close();
    called.length = 0;
  });

  it.each(['subscription { rates }', '{ rate }', '{ mine }'])('is denied, public or not: %s', async (query) => {
    app = await RunningGraphql.start(server, securityWith(key), {
      providers: [Rates],
      graph: server === 'mercurius' ? { subscription: true } : { subscriptions: { 'graphql-ws': true } },
    });
    const authorization = `Bearer ${new TokenIssuer(key, app.running.clock).issue()}`;
    socket = await WebSocketClient.connect(app.running.client.port, '/graphql', 'graphql-transport-ws');
    socket.send({ type: 'connection_init', payload: { authorization } });
    expect(await socket.next()).toMatchObject({ type: 'connection_ack' });
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    const answer = JSON.stringify(await socket.next());
    // mercurius takes nothing but subscriptions that way.
    expect(answer).toMatch(/The handler is not reachable over this transport|Invalid operation: query/);
    expect(called).toEqual([]);
  });
});
