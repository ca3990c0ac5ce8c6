import { All, Controller, HttpCode } from '@nestjs/common';
import { Public, type SecurityOptions } from '@palisade/nest';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup } from './edge.js';

/** Takes whatever is let through, so that nothing but the firewall refuses. */
@Controller()
@Public()
class Everything {
  @All(['', '*'])
  @HttpCode(200)
  anything() {
    return {};
  }
}

function under(security: SecurityOptions): CaseSetup {
  return { subject: { security, controllers: [Everything] } };
}

describeConformance('the firewall', COVERED.firewall, {
  strict: under({}),
  semicolon: under({ firewall: { dangerouslyAllow: ['semicolon'] } }),
  encodedSlash: under({ firewall: { dangerouslyAllow: ['encodedSlash'] } }),
  hosts: under({ hosts: ['myexample.org'] }),
});
