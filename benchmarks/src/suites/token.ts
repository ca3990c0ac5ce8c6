import { Controller, Get, Module } from '@nestjs/common';
import type { ExecutionContext, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthenticationGuard, SecurityModule } from '@palisade/nest';
import jwt from 'jsonwebtoken';
import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:http';
import { Socket } from 'node:net';
import { verdictOn } from '../budgets.js';
import { CorrectnessError } from '../correctness.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import type { Effort } from '../settings.js';
import { ratioOf, rotated, spreadOf } from '../statistics.js';
import { AUDIENCE, ISSUER, TokenSigner } from '../tokens.js';
import type { Algorithm } from '../tokens.js';

const HOST = '127.0.0.1';
const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256'];

/** A way to check a token. */
interface Checker {
  readonly name: string;
  /** Made while nobody measures; the check throws, or rejects, where the token is not valid. */
  readonly prepare: (token: PreparedToken) => Check;
}

type Check = () => unknown;

/** What the checkers are given, made before the clock starts. */
interface PreparedToken {
  readonly token: string;
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly authorization: string;
}

@Controller()
class AccountsController {
  @Get()
  list(): void {}
}

/**
 * What checking one token costs, without the HTTP around it: the library's own guard is handed the context of a
 * handler and a request, as Nest does it.
 */
export async function measureToken(effort: Effort): Promise<SuiteResult> {
  const progress = new Progress('token');
  const rows: Row[] = [];
  for (const algorithm of ALGORITHMS) {
    progress.step(`${algorithm}: signing tokens`);
    const signer = await TokenSigner.create(algorithm);
    const count = effort.unseenWarmUp + effort.batchRounds * effort.batch;
    const tokens = (await signer.signMany('customer', count)).map(prepare);
    const app = await NestFactory.create(moduleFor(algorithm, signer.publicPem), {
      logger: ['error', 'warn'],
      abortOnError: false,
    });
    try {
      // Whatever passes the edge ends there: the suite hands it to the guard itself.
      app.getHttpServer().removeAllListeners('request');
      await app.init();
      const checkers = checkersFor(algorithm, signer, app);
      await expectRefusals(checkers, signer);
      rows.push(
        ...(await measure(algorithm, checkers, tokens, effort, (text) => progress.step(`${algorithm}: ${text}`))),
      );
    } finally {
      await app.close();
    }
  }
  progress.done();
  return {
    suite: 'token',
    title: 'Checking one token',
    unit: 'CPU µs/token',
    comparison: { kind: 'ratio', heading: 'of verify' },
    rounds: effort.batchRounds,
    rows,
    notes: [
      'crypto.verify is given an imported key and decoded bytes: it checks a signature and nothing else.',
      'Palisade is its guard as a request meets it: header, signature, claims and principal.',
    ],
  };
}

function moduleFor(algorithm: Algorithm, key: string): Type {
  @Module({
    imports: [
      SecurityModule.forRoot({
        authentication: { jwt: { issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm], key } },
      }),
    ],
    controllers: [AccountsController],
  })
  class TokenModule {}
  return TokenModule;
}

function checkersFor(algorithm: Algorithm, signer: TokenSigner, app: INestApplication): Checker[] {
  const guard = app.get(AuthenticationGuard);
  const server: Server = app.getHttpServer();
  const asRequest = ({ authorization }: PreparedToken): Check => {
    const context = new RequestContext(requestThrough(server, authorization));
    return () => guard.canActivate(context);
  };
  const key = { key: signer.publicKey, dsaEncoding: 'ieee-p1363' } as const;
  const viaJsonWebToken =
    (withKey: KeyObject | string) =>
    ({ token }: PreparedToken): Check =>
    () =>
      jwt.verify(token, withKey, { algorithms: [algorithm], issuer: ISSUER, audience: AUDIENCE });
  return [
    {
      name: 'crypto.verify',
      prepare:
        ({ signed, signature }) =>
        () => {
          if (!verify('sha256', signed, key, signature)) throw new Error('The signature is not valid');
        },
    },
    { name: 'palisade, first sight', prepare: asRequest },
    { name: 'palisade, seen before', prepare: asRequest },
    { name: 'jsonwebtoken, imported key', prepare: viaJsonWebToken(signer.publicKey) },
    { name: 'jsonwebtoken, PEM', prepare: viaJsonWebToken(signer.publicPem) },
  ];
}

/** A checker that lets everything through would be fast. */
async function expectRefusals(checkers: readonly Checker[], signer: TokenSigner): Promise<void> {
  const stranger = await TokenSigner.create(signer.algorithm);
  const forged = prepare(await stranger.sign('customer'));
  const valid = prepare(await signer.sign('customer'));
  for (const { name, prepare: prepared } of checkers) {
    await prepared(valid)();
    const accepted = await Promise.resolve()
      .then(prepared(forged))
      .then(
        () => true,
        () => false,
      );
    if (accepted) throw new CorrectnessError(`${name} accepts a token that is signed with another key`);
  }
}

async function measure(
  algorithm: Algorithm,
  checkers: readonly Checker[],
  tokens: readonly PreparedToken[],
  { unseenWarmUp, batch, batchRounds }: Effort,
  say: (text: string) => void,
): Promise<Row[]> {
  const samples = new Map<Checker, number[]>(checkers.map((checker) => [checker, []]));
  for (const checker of checkers) await checkAll(tokens.slice(0, unseenWarmUp).map(checker.prepare));
  for (let round = 0; round < batchRounds; round++) {
    say(`round ${round + 1} of ${batchRounds}`);
    const start = unseenWarmUp + round * batch;
    const fresh = tokens.slice(start, start + batch);
    // The token has to have been seen before it is seen again, so the order is turned, but never inverted.
    const [reference, first, again, ...others] = checkers as [Checker, Checker, Checker, ...Checker[]];
    for (const group of rotated([[reference], [first, again], others], round)) {
      for (const checker of group) {
        const checks = fresh.map(checker.prepare);
        const before = process.cpuUsage();
        await checkAll(checks);
        const { user, system } = process.cpuUsage(before);
        samples.get(checker)?.push((user + system) / batch);
      }
    }
  }
  const reference = [...samples.values()][0] as number[];
  return [...samples].map(([{ name }, values], index): Row => {
    const comparison = index === 0 ? undefined : ratioOf(values, reference);
    const promised = name === 'palisade, first sight' && comparison !== undefined;
    return {
      group: algorithm,
      subject: name,
      value: spreadOf(values),
      comparison,
      verdict: promised ? verdictOn(`token/${algorithm}`, comparison.median) : undefined,
    };
  });
}

async function checkAll(checks: readonly Check[]): Promise<void> {
  for (const check of checks) {
    const outcome = check();
    if (outcome instanceof Promise) await outcome;
  }
}

/** A request that has passed the edge of the application, as the guard finds it. */
function requestThrough(server: Server, authorization: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers: { host: HOST, authorization },
    rawHeaders: ['Host', HOST, 'Authorization', authorization],
  });
  server.emit('request', request, new ServerResponse(request));
  return request;
}

function prepare(token: string): PreparedToken {
  const dot = token.lastIndexOf('.');
  return {
    token,
    signed: Buffer.from(token.slice(0, dot)),
    signature: Buffer.from(token.slice(dot + 1), 'base64url'),
    // By way of a buffer, so that it is one piece of text, as the HTTP parser makes it.
    authorization: Buffer.from(`Bearer ${token}`).toString('latin1'),
  };
}

/** The context of `AccountsController.list` and a request, which is gone after it was answered. */
class RequestContext implements ExecutionContext {
  private readonly args: readonly unknown[];

  constructor(request: IncomingMessage) {
    this.args = [request, {}];
  }

  getClass<T>(): Type<T> {
    return AccountsController as Type<T>;
  }

  getHandler() {
    return AccountsController.prototype.list;
  }

  getArgs<T extends unknown[]>(): T {
    return this.args as T;
  }

  getArgByIndex<T>(index: number): T {
    return this.args[index] as T;
  }

  getType<T extends string>(): T {
    return 'http' as T;
  }

  switchToHttp() {
    return {
      getRequest: <T>() => this.args[0] as T,
      getResponse: <T>() => this.args[1] as T,
      getNext: <T>() => undefined as T,
    };
  }

  switchToRpc(): never {
    throw new Error('The context is that of an HTTP request');
  }

  switchToWs(): never {
    throw new Error('The context is that of an HTTP request');
  }
}
