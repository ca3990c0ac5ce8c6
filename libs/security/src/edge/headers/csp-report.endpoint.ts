import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CspViolation } from '../../core/events.js';
import { refusedLength } from '../firewall/body-limit.js';
import { CspReportLimiter, type Release } from './csp-report.limits.js';
import { cspReportFormatOf, type CspReportFormat, cspViolationsOf } from './csp-report.policy.js';
import type { CompiledCspReporting } from './csp-reporting.options.js';

/** Milliseconds that a body may take. A server of HTTP/2 has no time-out of its own. */
const READ_WITHIN = 10_000;

/** What is set aside for a body at first. */
const FIRST_BYTES = 4_096;

/** What Node's compatible request of HTTP/2 stands on. */
interface HasHttp2Stream {
  readonly stream?: { close(): void } | undefined;
}

/**
 * Takes what browsers report of violations, in both formats, and answers itself: 204 also for what is no report, as
 * nobody is to find out what is understood. Anybody may post here, so it has limits of its own, and a body has ten
 * seconds.
 */
export class CspReportEndpoint {
  private readonly limiter: CspReportLimiter;

  /** `now` in milliseconds; `publish` is called with each violation. */
  constructor(
    private readonly options: CompiledCspReporting,
    private readonly now: () => number,
    private readonly publish: (violation: CspViolation, address: string | undefined) => void,
  ) {
    this.limiter = new CspReportLimiter(options);
  }

  /** Answers the request; never throws. `address` is that of the client, as the edge sees it. */
  handle(req: IncomingMessage, res: ServerResponse, address: string | undefined): void {
    if (res.headersSent) return;
    if (req.method !== 'POST') {
      res.setHeader('Allow', 'POST');
      return refuse(req, res, 405);
    }
    const format = cspReportFormatOf(req.headers['content-type']);
    if (format === undefined) return refuse(req, res, 415);
    if (!refusedLength(req.headers, this.options.maxBytes).allowed) return refuse(req, res, 413);
    const release = this.limiter.admit(address, this.now());
    if (release === undefined) return refuse(req, res, 429);
    this.read(req, res, format, address, release);
  }

  private read(
    req: IncomingMessage,
    res: ServerResponse,
    format: CspReportFormat,
    address: string | undefined,
    release: Release,
  ): void {
    // One buffer that grows: a client that sends byte by byte would have an object kept for each.
    let body = Buffer.allocUnsafe(Math.min(FIRST_BYTES, this.options.maxBytes));
    let size = 0;
    let done = false;
    const finish = (): boolean => {
      if (done) return false;
      done = true;
      clearTimeout(deadline);
      release();
      return true;
    };
    const deadline = setTimeout(() => {
      if (finish()) refuse(req, res, 408);
    }, READ_WITHIN);
    deadline.unref();
    req.on('data', (chunk: Buffer | string) => {
      if (done) return;
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      const end = size + bytes.length;
      if (end > this.options.maxBytes) {
        if (finish()) refuse(req, res, 413);
        return;
      }
      if (end > body.length) {
        const larger = Buffer.allocUnsafe(Math.min(Math.max(end, 2 * body.length), this.options.maxBytes));
        body.copy(larger, 0, 0, size);
        body = larger;
      }
      bytes.copy(body, size);
      size = end;
    });
    req.once('end', () => {
      if (!finish()) return;
      res.statusCode = 204;
      res.end();
      this.publishAll(cspViolationsOf(format, body.toString('utf8', 0, size)), address);
    });
    // The client went away: there is nobody to answer.
    req.on('error', finish);
    req.once('close', finish);
  }

  private publishAll(violations: readonly CspViolation[], address: string | undefined): void {
    for (const violation of violations) {
      try {
        this.publish(violation, address);
      } catch {
        // Whoever listens answers for its own errors; here it would end the process.
      }
    }
  }
}

/** Answers without reading on, and closes: the rest of the body may be of any length. */
function refuse(req: IncomingMessage, res: ServerResponse, status: number): void {
  res.statusCode = status;
  req.pause();
  if (req.httpVersionMajor >= 2) {
    res.end();
    // After the answer: without it the client could leave the stream half open for ever (RFC 9113, section 8.1).
    (req as HasHttp2Stream).stream?.close();
  } else {
    res.setHeader('Connection', 'close');
    res.setHeader('Content-Length', 0);
    res.end();
  }
}
