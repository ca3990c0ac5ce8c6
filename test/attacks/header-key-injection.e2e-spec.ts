import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { signingKey } from '../support/tokens.js';
import { TokenIssuer } from '../support/tokens.js';
import { attack } from './victim.js';

attack('A token that brings its own key', (victim) => {
  const attacker = signingKey('RS256', 'mine');
  const jwk = { ...attacker.publicKey.export({ format: 'jwk' }), kid: 'mine', alg: 'RS256', use: 'sig' };
  let requests = 0;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      requests += 1;
      response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/keys`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const signedByAttacker = (header: object) =>
    new TokenIssuer(attacker, { seconds: victim.now }).issue({ sub: 'mallory', roles: ['admin'] }, header);

  it('in the header (jwk) is refused', async () => {
    await victim.expectRefused(signedByAttacker({ jwk }), 'token_signature_invalid');
  });

  it('behind an address (jku, x5u) is refused, and nothing is fetched', async () => {
    await victim.expectRefused(signedByAttacker({ jku: url }), 'token_signature_invalid');
    await victim.expectRefused(signedByAttacker({ x5u: url }), 'token_signature_invalid');
    expect(requests).toBe(0);
  });

  it('as a certificate chain (x5c) is refused', async () => {
    const der = attacker.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    await victim.expectRefused(signedByAttacker({ x5c: [der], 'x5t#S256': 'mine' }), 'token_signature_invalid');
  });

  it('is let in by its right signature alone, whatever the header adds', async () => {
    expect((await victim.present(victim.tokens.issue({}, { jwk, jku: url, x5u: url }))).status).toBe(200);
    expect(requests).toBe(0);
  });
});
