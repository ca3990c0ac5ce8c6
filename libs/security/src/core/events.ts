import { Injectable, Logger } from '@nestjs/common';
import type { DenialReason } from './decision.js';
import type { PrincipalKind } from './principal.js';
import type { HttpRequest } from './request.js';
import type { RoutePriority } from './route-policy.js';

/** Emitted for each decision on a request, allowed or denied. Holds no token, no header and no body. */
export interface DecisionEvent {
  readonly type: 'decision';
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly allowed: boolean;
  /** Present on denials. */
  readonly reason?: DenialReason | undefined;
  /** Present and `false` where a part with `enforcement: 'report'` recorded the denial and let the request go on. */
  readonly enforced?: false | undefined;
  /** `Controller.handler`; absent where the request was denied before it was routed. */
  readonly route?: string | undefined;
  /** The name of the limit, where a rate limit or a concurrency limit denied. */
  readonly limit?: string | undefined;
  /** `http`, or the transport's name as Nest gives it. */
  readonly transport: string;
  /** Absent where it is longer than any that there is. */
  readonly method?: string | undefined;
  readonly address?: string | undefined;
  readonly principalId?: string | undefined;
  readonly principalKind?: PrincipalKind | undefined;
  readonly tenant?: string | undefined;
  readonly scheme?: string | undefined;
}

/** Emitted when verified tokens are forgotten because a key was withdrawn or replaced. */
export interface KeysChangedEvent {
  readonly type: 'keys_changed';
  readonly time: number;
  readonly issuer: string;
}

/** What a browser reports of one violation, without what may be secret in its addresses. */
export interface CspViolation {
  /** The directive that was broken, such as `script-src-elem`. */
  readonly effectiveDirective: string;
  /** The origin of what was blocked, its scheme where there is no origin, or a word such as `inline`; may be empty. */
  readonly blockedUri: string;
  /** The address of the page without query and fragment, or its scheme. */
  readonly documentUri: string;
  /** Whether it was blocked, or only reported. */
  readonly disposition: 'enforce' | 'report';
  /** The address of the script or style that did it, without query and fragment, or its scheme. */
  readonly sourceFile?: string | undefined;
  readonly lineNumber?: number | undefined;
  /** The status of the answer that the page came with. */
  readonly statusCode?: number | undefined;
}

/** Emitted for what browsers report of pages that broke their content security policy. What it says comes from outside. */
export interface CspViolationEvent {
  readonly type: 'csp_violation';
  readonly time: number;
  /** Who reported it. */
  readonly address?: string | undefined;
  readonly violation: CspViolation;
}

/** Emitted when a store that is shared stops answering, and when it answers again. */
export interface StoreEvent {
  readonly type: 'store_unavailable' | 'store_recovered';
  readonly time: number;
  readonly store: 'rate-limit' | 'concurrency' | 'lockout' | 'bans';
  /** What holds without it. */
  readonly policy: 'open' | 'closed' | 'local';
}

/** Emitted when failed attempts lock somebody out, and when the application lifts that. */
export interface LockoutEvent {
  readonly type: 'lockout';
  readonly time: number;
  readonly action: 'locked' | 'unlocked';
  /**
   * What is locked: one identifier from one address (`pair`), one identifier from all addresses it is not known to sign
   * in from (`account`), one address for all identifiers (`address`).
   */
  readonly scope: 'pair' | 'account' | 'address';
  /**
   * What was typed in as the identifier, normalized, at most 256 characters; whether there is such an account is not
   * known here. Personal data.
   */
  readonly identifier?: string | undefined;
  readonly address?: string | undefined;
  /** Milliseconds, where it was locked. */
  readonly duration?: number | undefined;
}

/** Emitted when an address is banned, and when a ban is lifted by the application. */
export interface BanEvent {
  readonly type: 'ban';
  readonly time: number;
  readonly action: 'banned' | 'unbanned';
  readonly address: string;
  /** The name of the rule; `denials`, `honeypot`, or `manual` for what the application did. */
  readonly rule: string;
  /** Milliseconds, where it was banned. */
  readonly duration?: number | undefined;
}

/** Emitted for each request that a rule of `bans.track` matches. */
export interface TrackedEvent {
  readonly type: 'tracked';
  readonly time: number;
  /** The name of the rule. */
  readonly rule: string;
  readonly method?: string | undefined;
  readonly address?: string | undefined;
}

/** Emitted when requests begin to be shed, when other priorities are, and when none is any more. */
export interface LoadSheddingEvent {
  readonly type: 'load_shedding_started' | 'load_shedding_changed' | 'load_shedding_ended';
  readonly time: number;
  /** Milliseconds that the event loop was late, by the last sample. */
  readonly lag: number;
  /** The priorities whose requests are shed from now on. */
  readonly shed: readonly RoutePriority[];
  /** Present and `false` where nothing is shed, only recorded. */
  readonly enforced?: false | undefined;
}

/** Everything that is published; told apart by `type`. */
export type SecurityEvent =
  | DecisionEvent
  | KeysChangedEvent
  | CspViolationEvent
  | StoreEvent
  | LoadSheddingEvent
  | LockoutEvent
  | BanEvent
  | TrackedEvent;

/** Told of each denial that was carried out, with its request, of which an event says next to nothing. */
export type DenialWatch = (reason: DenialReason, request: HttpRequest) => void;
/** Called with each event, before the request goes on: hand over what takes time. What it throws is logged. */
export type SecurityEventListener = (event: SecurityEvent) => void;

/** Where security events are published; inject it and `subscribe`. */
@Injectable()
export class SecurityEvents {
  private readonly logger = new Logger(SecurityEvents.name);
  private listeners: readonly SecurityEventListener[] = [];
  private watch: DenialWatch | undefined;

  /** True when somebody listens, so that nobody builds an event for nobody. */
  get observed(): boolean {
    return this.listeners.length > 0;
  }

  /** Calls the listener for every event from now on. Returns the function that ends it. */
  subscribe(listener: SecurityEventListener): () => void {
    this.listeners = [...this.listeners, listener];
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener);
    };
  }

  /** @internal There is one at most. */
  watchDenials(watch: DenialWatch): void {
    this.watch = watch;
  }

  /** @internal Called where a denial is carried out, beside the event; not for what is only recorded. */
  onDenial(reason: DenialReason, request: HttpRequest): void {
    this.watch?.(reason, request);
  }

  emit(event: SecurityEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        // A sink that fails must neither deny a request nor let one through.
        this.logger.error(`A listener of security events failed on "${event.type}"`, stackOf(error));
      }
    }
  }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
