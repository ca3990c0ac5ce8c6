import { Controller, HttpCode, Post } from '@nestjs/common';
import { BodyLimit, Public } from '@palisade/nest';
import { expect } from '@jest/globals';
import { COVERED } from './coverage.js';
import { describeConformance } from './edge.js';
import type { WireRequest } from './wire.js';

@Controller()
@Public()
class Uploads {
  @Post()
  @HttpCode(200)
  home() {
    return {};
  }

  @Post('upload')
  @HttpCode(200)
  @BodyLimit(100)
  upload() {
    return {};
  }
}

/** The bodies that the cases tell of without writing them. */
const BODIES: Readonly<Record<string, string>> = {
  'body-02': '6\r\n{"a":1\r\n6\r\n,"b":2\r\n1\r\n}\r\n0\r\n\r\n',
  'body-03': JSON.stringify({ padding: 'x'.repeat(50 - '{"padding":""}'.length) }),
};

describeConformance('limits', COVERED.limits, {
  small: {
    subject: { security: { firewall: { bodyLimit: 10 } }, controllers: [Uploads] },
    prepare: (request, { id }): WireRequest => ({
      ...request,
      headers: [...request.headers, ['Content-Type', 'application/json']],
      body: request.body ?? BODIES[id],
    }),
    check: ({ status, body }) => {
      if (status === 413) expect(body['code']).toBe('body_too_large');
    },
  },
});
