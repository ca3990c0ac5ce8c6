import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Authenticated, SecurityModule, type JwtOptions } from '@palisade/nest';
import jsonwebtoken from 'jsonwebtoken';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import { LogBook } from '../support/log-book.js';
import { AUDIENCE, ISSUER, sharedSecret, signingKey, signToken } from '../support/tokens.js';

@Controller()
class Routes {
  @Get('mine')
  @Authenticated('jwt')
  mine() {
    return {};
  }
}

const CANARY = 'canary-5f20';
const secret = sharedSecret();
const symmetric: JwtOptions = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['HS256'], secret };

let running: RunningApplication | undefined;
const environment = process.env['NODE_ENV'];
afterEach(async () => {
  process.env['NODE_ENV'] = environment;
  await running?.close();
  running = undefined;
});

async function start(adapter: AdapterName, jwt: JwtOptions = symmetric) {
  const log = new LogBook();
  running = await startApplication(
    adapter,
    { imports: [SecurityModule.forRoot({ authentication: { jwt } })], controllers: [Routes] },
    { logger: log },
  );
  const { client, clock } = running;
  log.lines.splice(0);
  return { log, clock, send: (token: string) => client.withToken('/mine', token) };
}

type Claims = (now: number) => object;
const whole = (now: number) => ({ iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: now + 600 });

describe.each(ADAPTERS)('On %s the log of a developer', (adapter) => {
  it('tells of the default token of @nestjs/jwt all that it lacks', async () => {
    const { log, send } = await start(adapter);
    // What JwtService.sign({ sub: 1 }) of an application without signOptions makes.
    const answer = await send(jsonwebtoken.sign({ username: 'john' }, secret));
    expect(answer.body['code']).toBe('token_issuer_untrusted');
    expect(answer.text).not.toContain(ISSUER);
    const [line, ...others] = log.matching(/A token was refused/);
    expect(others).toEqual([]);
    expect(line).toContain(`(token_issuer_untrusted): issuer is "${ISSUER}", and the "iss" of the token is missing`);
    expect(line).toContain(`Sign with { issuer: "${ISSUER}" }; @nestjs/jwt sets it in signOptions`);
    expect(line).toContain('It has no "aud", "exp", "sub" either');
  });

  it.each<[string, Claims, object, string]>([
    ['a slash', (now) => ({ ...whole(now), iss: `${ISSUER}/` }), {}, 'the same but for a slash at its end'],
    ['capital letters', (now) => ({ ...whole(now), iss: ISSUER.toUpperCase() }), {}, 'the same but for capital letters'],
    ['a scheme', (now) => ({ ...whole(now), iss: ISSUER.slice(8) }), {}, 'the same but for "https://"'],
    ['another issuer', (now) => ({ ...whole(now), iss: CANARY }), {}, `issuer is "${ISSUER}", and the "iss" of the token is another one`],
    ['an issuer that is a list', (now) => ({ ...whole(now), iss: [ISSUER] }), {}, 'is a list'],
    ['no audience', (now) => ({ ...whole(now), aud: undefined }), {}, `audience is "${AUDIENCE}", and the "aud" of the token is missing. Sign with { audience: "${AUDIENCE}" }`],
    ['another audience', (now) => ({ ...whole(now), aud: CANARY }), {}, 'the "aud" of the token is another one'],
    ['other audiences', (now) => ({ ...whole(now), aud: [CANARY] }), {}, 'the "aud" of the token is a list of others'],
    ['no expiry', (now) => ({ ...whole(now), exp: undefined }), {}, 'it has no "exp"'],
    ['an expiry that is text', (now) => ({ ...whole(now), exp: CANARY }), {}, 'its "exp" is text, and has to be a number of seconds'],
    ['an expiry that is over', (now) => ({ ...whole(now), exp: now - 7200 }), {}, '"exp" lies 2 hours before the time of this server'],
    ['times in milliseconds', (now) => ({ ...whole(now), iat: now * 1000 }), {}, 'check that the issuer writes seconds'],
    ['roles that are text', (now) => ({ ...whole(now), roles: CANARY }), {}, 'its "roles" is text, and has to be a list of texts'],
    ['no subject', (now) => ({ ...whole(now), sub: undefined }), {}, 'the token has no "sub"'],
    ['another algorithm', whole, { alg: 'HS512' }, 'algorithms are "HS256", and the token says "HS512"'],
    ['no algorithm', whole, { alg: 'none' }, 'and the token says something else'],
    ['another type', whole, { typ: CANARY }, 'types are "jwt", "at+jwt", and the "typ" of the token is another one'],
  ])('tells once of a token with %s', async (_, claimsAt, header, expected) => {
    const { log, clock, send } = await start(adapter);
    const token = signToken({ alg: 'HS256', typ: 'JWT', ...header }, claimsAt(clock.seconds), secret);
    for (let i = 0; i < 3; i++) expect((await send(token)).status).toBe(401);
    const lines = log.matching(/A token was refused/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
    expect(log.text).not.toContain(CANARY);
    expect(log.text).not.toContain(secret);
  }); // prettier-ignore

  it('tells of a signature with another secret, and of a key that is not known', async () => {
    const { log, clock, send } = await start(adapter);
    await send(signToken({ alg: 'HS256', typ: 'JWT' }, whole(clock.seconds), sharedSecret()));
    expect(log.text).toContain('the signature was made with another key than `secret`');
    await running?.close();
    const key = signingKey('ES256', 'one');
    const second = await start(adapter, {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['ES256'],
      key: { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: 'one' }] },
    });
    await second.send(signToken({ alg: 'ES256', kid: CANARY }, whole(second.clock.seconds), key));
    expect(second.log.text).toContain('the keys are named "one", and the "kid" of the token is another one');
    expect(second.log.text).not.toContain(CANARY);
  });

  it.each([
    ['opaque text', 'opaque', 'not a JSON Web Token but opaque text'],
    ['an encrypted token', 'a.b.c.d.e', 'it is encrypted (five segments)'],
    ['a token in quotation marks', '"a.b.c"', 'Send it without quotation marks'],
  ])('tells of %s', async (_, token, expected) => {
    const { log, send } = await start(adapter);
    await send(token);
    expect(log.text).toContain(expected);
  });

  it('cannot be filled by whoever sends tokens', async () => {
    const { log, clock, send } = await start(adapter);
    for (let i = 0; i < 120; i++) {
      const claims = { ...whole(clock.seconds), [i % 2 === 0 ? 'iss' : 'aud']: `${CANARY}${i}`, [`x${i}`]: i };
      await send(signToken({ alg: 'HS256', kid: `${CANARY}${i}` }, claims, secret));
    }
    expect(log.lines.length).toBeLessThan(5);
    expect(log.text).not.toContain(CANARY);
  });

  it('says nothing in production', async () => {
    process.env['NODE_ENV'] = 'production';
    const { log, send } = await start(adapter);
    for (const token of ['opaque', jsonwebtoken.sign({}, secret)]) expect((await send(token)).status).toBe(401);
    expect(log.text).not.toContain('A token was refused');
  });
});
