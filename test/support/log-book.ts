import type { LoggerService } from '@nestjs/common';

/** Everything that an application logs, to be searched for what must, or must not, be there. */
export class LogBook implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (...parts: unknown[]) => void this.lines.push(parts.map(String).join(' '));
  readonly error = this.log;
  readonly warn = this.log;
  readonly debug = this.log;
  readonly verbose = this.log;
  readonly fatal = this.log;

  get text(): string {
    return this.lines.join('\n');
  }

  matching(pattern: RegExp): readonly string[] {
    return this.lines.filter((line) => pattern.test(line));
  }
}
