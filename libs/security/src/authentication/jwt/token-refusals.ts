import { Logger } from '@nestjs/common';
import type { DenialReason } from '../../core/decision.js';
import { diagnose, type DiagnosisRules } from './token-diagnosis.js';

/** The most causes that are told apart, so that nobody can fill the log. */
const MOST_CAUSES = 50;

/** Times in a line differ with every token; the cause is the same. */
const TIMES = /\d+ (?:seconds|minutes|hours|days)/g;

/** Tells developers once why tokens of a kind are refused: clients are told a code and a fixed text alone. */
export class TokenRefusals {
  private readonly logger = new Logger('SecurityModule');
  private readonly causes = new Set<string>();

  /** @param now seconds */
  explain(reason: DenialReason, token: string, rules: DiagnosisRules, now: number): void {
    if (this.causes.size >= MOST_CAUSES) return;
    const diagnosis = diagnose(reason, token, rules, now);
    if (diagnosis === undefined) return;
    const cause = `${reason} ${diagnosis.replaceAll(TIMES, '')}`;
    if (this.causes.has(cause)) return;
    this.causes.add(cause);
    this.logger.warn(
      `A token was refused (${reason}): ${diagnosis}. Logged once for this cause, and not with NODE_ENV=production`,
    );
  }
}
