import { Controller, Get } from '@nestjs/common';
import { Public, type SecurityOptions } from '@palisade/nest';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup } from './edge.js';

@Controller()
@Public()
class Pages {
  @Get(['', 'a/b', 'ws', 'path/page.html'])
  page() {
    return {};
  }
}

function under(security: SecurityOptions, tls = false): CaseSetup {
  return { subject: { security, controllers: [Pages], tls } };
}

const redirecting = { hosts: ['testserver'], https: { mode: 'redirect', status: 307 } } as const;
const hosts = ['localhost'];

describeConformance('HTTPS', COVERED.https, {
  redirecting: under(redirecting),
  encrypted: under(redirecting, true),
  temporary: under({ hosts, https: { mode: 'redirect', status: 307, port: 1 } }),
  permanent: under({ hosts, https: { mode: 'redirect', status: 308, port: 3449 } }),
  moved: {
    ...under({ hosts, https: { mode: 'redirect', port: 5050 } }),
    refused: { hosts, https: { mode: 'redirect', status: 301 as 308, port: 5050 } },
  },
  withoutPort: {
    ...under({ hosts, https: { mode: 'redirect' } }),
    refused: { https: { mode: 'redirect' } },
  },
  mapped: {
    ...under({ hosts, https: { mode: 'redirect', port: 8443 } }),
    refused: { hosts, https: { mode: 'redirect', status: 302 as 307, port: 8443 } },
  },
  proxied: under({ ...redirecting, proxy: { trust: ['loopback'] } }),
});
