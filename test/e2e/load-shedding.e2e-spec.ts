import { Controller, Get, Module, type Type } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  Priority,
  Public,
  RateLimit,
  Scheduler,
  SecurityConfigurationError,
  SecurityModule,
  type LoadSheddingOptions,
  type RoutePriority,
} from '@palisade/nest';
import { setTimeout as wait } from 'node:timers/promises';
import { ADAPTERS, startFailure, type AdapterName } from '../support/application.js';
import { FakeScheduler } from '../support/scheduler.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { edgeOfEachTest, type EdgeApplication, type EdgeSetup } from './edge.harness.js';

const key = signingKey('ES256');
const PATHS = ['/critical', '/high', '/normal', '/low'] as const;

/** Says what it is told. */
class Load {
  late = 0;
  isClosed = false;

  lag(): number {
    return this.late;
  }

  close(): void {
    this.isClosed = true;
  }
}

@Controller()
@Public()
class Routes {
  @Get('critical')
  @Priority('critical')
  critical() {
    return {};
  }

  @Get('high')
  @Priority('high')
  high() {
    return {};
  }

  @Get('normal')
  normal() {
    return {};
  }

  @Get('low')
  @Priority('low')
  low() {
    return {};
  }
}

describe.each(ADAPTERS)('Load shedding on %s', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);
  let scheduler: FakeScheduler;
  let load: Load;

  async function start(
    loadShedding: LoadSheddingOptions = {},
    controllers: readonly Type[] = [Routes],
    setup: EdgeSetup = {},
  ): Promise<EdgeApplication> {
    scheduler = new FakeScheduler();
    load = new Load();
    const security = securityWith(key, { loadShedding: { maxEventLoopLag: 100, probe: load, ...loadShedding } });
    return startOne(security, controllers, {
      ...setup,
      customize: (builder) => builder.overrideProvider(Scheduler).useValue(scheduler),
    });
  }

  /** Lets so many samples be taken. */
  function sample(late: number, count: number): void {
    load.late = late;
    scheduler.advance(250 * count);
  }

  async function statuses(app: EdgeApplication): Promise<number[]> {
    const answers: number[] = [];
    for (const path of PATHS) answers.push((await app.send(path)).status);
    return answers;
  }

  it('sheds the routes that matter least first, and critical ones never', async () => {
    const app = await start();
    expect(await statuses(app)).toEqual([200, 200, 200, 200]);
    sample(101, 2);
    expect(await statuses(app)).toEqual([200, 200, 200, 503]);
    sample(201, 2);
    expect(await statuses(app)).toEqual([200, 200, 503, 503]);
    sample(60_000, 2);
    expect(await statuses(app)).toEqual([200, 503, 503, 503]);
    sample(0, 12);
    expect(await statuses(app)).toEqual([200, 200, 200, 200]);
  });

  it('answers 503 with a code, when to come back, and the security headers', async () => {
    const app = await start({ retryAfter: 7 });
    sample(101, 2);
    const answer = await app.send('/low');
    expect(answer.status).toBe(503);
    expect(answer.body).toEqual({
      statusCode: 503,
      error: 'Service Unavailable',
      message: 'The server has too much to do',
      code: 'overloaded',
    });
    expect(answer.headers).toMatchObject({ 'retry-after': '7', 'x-content-type-options': 'nosniff' });
    expect(app.takeDenials()).toMatchObject([{ reason: 'overloaded', route: 'Routes.low' }]);
  });

  it('comes before everything else: no limit is taken, no credential looked at', async () => {
    @Controller()
    @Priority('low')
    class Reports {
      @Get('limited')
      @Public()
      @RateLimit('1/minute')
      limited() {
        return {};
      }

      @Get('private')
      private() {
        return {};
      }
    }
    const app = await start({}, [Reports]);
    sample(101, 2);
    const shed = await app.send('/limited');
    expect(shed.status).toBe(503);
    expect(shed.headers).not.toHaveProperty('ratelimit');
    expect((await app.send('/private')).status).toBe(503);
    sample(0, 4);
    expect((await app.send('/limited')).status).toBe(200);
    expect((await app.send('/private')).status).toBe(401);
  });

  it('publishes when it begins, changes and ends', async () => {
    const app = await start();
    sample(101, 3);
    sample(500, 2);
    sample(0, 12);
    expect(app.events.map((event) => ({ ...event, time: 0 }))).toMatchObject([
      { type: 'load_shedding_started', lag: 101, shed: ['low'] },
      { type: 'load_shedding_changed', lag: 500, shed: ['low', 'normal', 'high'] },
      { type: 'load_shedding_changed', lag: 0, shed: ['low', 'normal'] },
      { type: 'load_shedding_changed', lag: 0, shed: ['low'] },
      { type: 'load_shedding_ended', lag: 0, shed: [] },
    ]);
  });

  it.each([
    ['enforce', 'are'],
    ['report', 'would be'],
  ] as const)('logs what %s does', async (enforcement, are) => {
    const lines: string[] = [];
    const keep = (line: string) => void lines.push(line);
    await start({ enforcement }, [Routes], { logger: { log: keep, warn: keep, error: keep } });
    sample(60_000, 2);
    sample(0, 20);
    expect(lines.filter((line) => line.includes('shed') && line.includes('event loop'))).toEqual([
      `The event loop is 60000 ms late: requests ${are} shed`,
      `The event loop is in time again: no requests ${are} shed`,
    ]);
  });

  it('only records under report', async () => {
    const app = await start({ enforcement: 'report' });
    sample(60_000, 2);
    expect(await statuses(app)).toEqual([200, 200, 200, 200]);
    expect(app.events[0]).toMatchObject({ type: 'load_shedding_started', enforced: false });
    expect(app.takeDenials()).toMatchObject(
      ['Routes.high', 'Routes.normal', 'Routes.low'].map((route) => ({ reason: 'overloaded', enforced: false, route })),
    );
  });

  it('takes the nearest priority: of the handler, the class, then of forFeature', async () => {
    @Controller('feature')
    @Public()
    class OfFeature {
      @Get()
      home() {
        return {};
      }
    }
    @Controller('class')
    @Public()
    @Priority('high')
    class OfClass {
      @Get()
      home() {
        return {};
      }

      @Get('own')
      @Priority('critical')
      own() {
        return {};
      }
    }
    @Module({ imports: [SecurityModule.forFeature({ priority: 'low' })], controllers: [OfFeature, OfClass] })
    class FeatureModule {}
    const app = await start({}, [], { imports: [FeatureModule] });
    const status = async (path: string) => (await app.send(path)).status;
    sample(101, 2);
    expect([await status('/feature'), await status('/class'), await status('/class/own')]).toEqual([503, 200, 200]);
    sample(1000, 2);
    expect([await status('/class'), await status('/class/own')]).toEqual([503, 200]);
  });

  it('does not hand a priority on to a handler that it was not written for', async () => {
    class Base {
      @Get()
      @Priority('critical')
      home(): object {
        return {};
      }
    }
    @Controller()
    @Public()
    class Overriding extends Base {
      @Get()
      override home() {
        return {};
      }
    }
    const app = await start({}, [Overriding]);
    sample(1000, 2);
    expect((await app.send('/')).status).toBe(503);
  });

  it('serves everybody where the probe fails', async () => {
    const errors: string[] = [];
    const nothing = () => undefined;
    const logger = { log: nothing, warn: nothing, error: (message: string) => void errors.push(message) };
    let answer: () => number = () => 1000;
    const app = await start({ probe: { lag: () => answer() } }, [Routes], { logger });
    for (const broken of [() => Number.NaN, () => undefined as never, (): never => raise()]) {
      answer = broken;
      sample(0, 12);
      expect(await statuses(app)).toEqual([200, 200, 200, 200]);
    }
    expect(errors).toEqual(['The load could not be measured']);
  });

  it('leaves nothing running behind', async () => {
    const app = await start();
    expect(scheduler.pending).toBe(1);
    await app.close();
    expect(scheduler.pending).toBe(0);
    expect(load.isClosed).toBe(true);
  });

  it('measures the event loop itself, sheds while that is blocked, and stops by itself', async () => {
    // Far above what other processes of a busy machine cost this one.
    const loadShedding = { maxEventLoopLag: 250, sampleInterval: 50 };
    const app = await startOne(securityWith(key, { loadShedding }), [Routes]);
    for (let i = 0; i < 5; i++) {
      const end = performance.now() + 1000;
      while (performance.now() < end);
      await wait(0);
    }
    expect((await app.send('/low')).status).toBe(503);
    expect((await app.send('/critical')).status).toBe(200);
    let answers = await statuses(app);
    for (let i = 0; i < 1000 && answers.includes(503); i++) {
      await wait(100);
      answers = await statuses(app);
    }
    expect(answers).toEqual([200, 200, 200, 200]);
  });
});

function raise(): never {
  throw new Error('no measure');
}

it('refuses to start with a word that is no priority, and says which it may have been', async () => {
  @Controller()
  class Misspelt {
    @Get()
    @Priority('citical' as RoutePriority)
    home() {
      return {};
    }
  }
  const failure = await startFailure({
    imports: [SecurityModule.forRoot(securityWith(key))],
    controllers: [Misspelt],
  });
  expect(failure).toBeInstanceOf(SecurityConfigurationError);
  expect((failure as SecurityConfigurationError).problems).toMatchObject([
    { where: 'Misspelt.home', fix: 'Did you mean "critical"?' },
  ]);
});
