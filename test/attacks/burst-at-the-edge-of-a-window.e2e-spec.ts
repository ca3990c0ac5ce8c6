import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Public, RateLimit } from '@palisade/nest';
import { startEdge, type EdgeApplication } from '../e2e/edge.harness.js';
import { ADAPTERS } from '../support/application.js';

const QUOTA = 10;
const WINDOW = 60;

@Controller()
@Public()
class Routes {
  @Get('default')
  @RateLimit(`${QUOTA}/minute`)
  byDefault() {
    return {};
  }

  @Get('sliding')
  @RateLimit({ limit: `${QUOTA}/minute`, algorithm: 'sliding-window' })
  sliding() {
    return {};
  }

  @Get('bucket')
  @RateLimit({ limit: `${QUOTA}/minute`, algorithm: 'token-bucket' })
  bucket() {
    return {};
  }
}

describe.each(ADAPTERS)('A burst at the edge of a window on %s', (adapter) => {
  let app: EdgeApplication;

  afterEach(() => app.close());

  async function passed(path: string, count: number): Promise<number> {
    const answers = await Promise.all(Array.from({ length: count }, () => app.send(path)));
    return answers.filter(({ status }) => status === 200).length;
  }

  it.each(['/default', '/sliding', '/bucket'])(
    'lets no more through than there are, however many come at the same time (%s)',
    async (path) => {
      app = await startEdge(adapter, {}, [Routes]);
      expect(await passed(path, 40)).toBe(QUOTA);
    },
  );

  it.each(['/default', '/bucket'])('gets no second quota in the window that begins (%s)', async (path) => {
    app = await startEdge(adapter, {}, [Routes]);
    // The clock of the test stands at the beginning of a minute.
    app.clock.advance(WINDOW - 0.001);
    expect(await passed(path, 30)).toBe(QUOTA);
    app.clock.advance(0.001);
    expect(await passed(path, 30)).toBe(0);
    app.clock.advance(1);
    // What came back within a second, and not the quota.
    expect(await passed(path, 30)).toBeLessThanOrEqual(1);
  });

  it('gets one request in the window that begins, where it slides', async () => {
    app = await startEdge(adapter, {}, [Routes]);
    app.clock.advance(WINDOW - 0.001);
    expect(await passed('/sliding', 30)).toBe(QUOTA);
    app.clock.advance(0.001);
    // The units of the last window count as spread evenly, of which the first is a window old.
    expect(await passed('/sliding', 30)).toBe(1);
    app.clock.advance(1);
    expect(await passed('/sliding', 30)).toBe(0);
  });

  it.each(['/default', '/sliding', '/bucket'])('gets nothing for a clock that was put back (%s)', async (path) => {
    app = await startEdge(adapter, {}, [Routes]);
    expect(await passed(path, 30)).toBe(QUOTA);
    for (const seconds of [-1, -WINDOW, -10 * WINDOW]) {
      app.clock.advance(seconds);
      expect(await passed(path, 10)).toBe(0);
    }
  });
});
