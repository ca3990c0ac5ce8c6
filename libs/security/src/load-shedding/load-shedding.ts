import { Logger, type ExecutionContext } from '@nestjs/common';
import type { Clock } from '../core/clock.js';
import { denied } from '../core/decision.js';
import type { Enforcer } from '../core/enforcer.js';
import type { LoadSheddingEvent, SecurityEvents } from '../core/events.js';
import type { AnswerField } from '../core/passage.js';
import { carriesRequest, httpRequestOf, passageOf } from '../core/request.js';
import type { GuardedRoute, LoadStep, RoutePolicy } from '../core/route-policy.js';
import type { Cancel, Scheduler } from '../core/scheduler.js';
import { EventLoopProbe, type LoadProbe } from './event-loop.probe.js';
import {
  DEFAULT_MAX_LAG,
  DEFAULT_RETRY_AFTER,
  DEFAULT_SAMPLE_INTERVAL,
  type LoadSheddingOptions,
} from './load-shedding.options.js';
import { NO_LOAD, sampled, SHEDDABLE, type LoadState } from './load-shedding.policy.js';

const OVERLOADED = denied('overloaded');

/** Samples the load, and sheds the requests of routes whose priority it is too high for. */
export class LoadShedding {
  private readonly logger = new Logger('SecurityModule');
  private readonly probe: LoadProbe | undefined;
  private readonly maxLag: number;
  private readonly fields: readonly AnswerField[];
  private state: LoadState = NO_LOAD;
  private stop: Cancel | undefined;
  private isFailureLogged = false;

  constructor(
    private readonly options: LoadSheddingOptions | undefined,
    private readonly enforcer: Enforcer,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly scheduler: Scheduler,
  ) {
    this.probe = options && (options.probe ?? new EventLoopProbe());
    this.maxLag = options?.maxEventLoopLag ?? DEFAULT_MAX_LAG;
    const seconds = String(options?.retryAfter ?? DEFAULT_RETRY_AFTER);
    this.fields = [{ name: 'Retry-After', key: 'retry-after', value: seconds }];
  }

  /** Whether there is too much load for a route; `undefined` where it is never asked. */
  compile({ priority = 'normal' }: RoutePolicy): LoadStep | undefined {
    const rank = SHEDDABLE.indexOf(priority);
    return this.probe === undefined || rank === -1 ? undefined : () => this.state.level > rank;
  }

  start(): void {
    const { probe } = this;
    if (probe === undefined || this.stop !== undefined) return;
    probe.start?.();
    const interval = this.options?.sampleInterval ?? DEFAULT_SAMPLE_INTERVAL;
    this.stop = this.scheduler.every(interval, () => this.sample(probe));
  }

  close(): void {
    this.stop?.();
    this.stop = undefined;
    this.probe?.close?.();
    this.state = NO_LOAD;
  }

  /** @internal The first that is asked of a request: nothing else may cost anything while there is too much to do. */
  pass(route: GuardedRoute, execution: ExecutionContext): true {
    if (route.isOverloaded === undefined || !route.isOverloaded()) return true;
    if (this.options?.enforcement === 'report') {
      this.enforcer.recordDenial(execution, OVERLOADED, undefined);
      return true;
    }
    const passage = carriesRequest(execution) ? passageOf(httpRequestOf(execution)) : undefined;
    if (passage !== undefined) passage.fields = this.fields;
    return this.enforcer.deny(execution, OVERLOADED, undefined, { fields: this.fields });
  }

  private sample(probe: LoadProbe): void {
    const before = this.state.level;
    const lag = this.lagOf(probe);
    this.state = sampled(this.state, lag, this.maxLag);
    const { level } = this.state;
    if (level === before) return;
    const shed = SHEDDABLE.slice(0, level);
    const enforced = this.options?.enforcement === 'report' ? false : undefined;
    const are = enforced === false ? 'would be' : 'are';
    if (before === 0) this.logger.warn(`The event loop is ${Math.round(lag)} ms late: requests ${are} shed`);
    else if (level === 0) this.logger.log(`The event loop is in time again: no requests ${are} shed`);
    if (!this.events.observed) return;
    this.events.emit({ type: typeOf(before, level), time: this.clock.now(), lag, shed, enforced });
  }

  /** A probe that says nothing sheds nobody. */
  private lagOf(probe: LoadProbe): number {
    try {
      const lag: unknown = probe.lag();
      return typeof lag === 'number' && lag >= 0 ? lag : 0;
    } catch (error) {
      if (!this.isFailureLogged) {
        this.logger.error('The load could not be measured', error instanceof Error ? error.stack : undefined);
      }
      this.isFailureLogged = true;
      return 0;
    }
  }
}

function typeOf(before: number, level: number): LoadSheddingEvent['type'] {
  if (before === 0) return 'load_shedding_started';
  return level === 0 ? 'load_shedding_ended' : 'load_shedding_changed';
}
