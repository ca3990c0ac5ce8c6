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
  @Get('sliding')
  @RateLimit(`${QUOTA}/minute`)
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

  it('lets no more through than there are, however many come at the same time', async () => {
    app = await startEdge(adapter, {}, [Routes]);
    expect(await passed('/sliding', 40)).toBe(QUOTA);
  });

  it.each(['/sliding', '/bucket'])('gets no second quota in the window that begins (%s)', async (path) => {
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

  it('gets nothing for a clock that was put back', async () => {
    app = await startEdge(adapter, {}, [Routes]);
    expect(await passed('/sliding', 30)).toBe(QUOTA);
    for (const seconds of [-1, -WINDOW, -10 * WINDOW]) {
      app.clock.advance(seconds);
      expect(await passed('/sliding', 10)).toBe(0);
    }
  });
});
