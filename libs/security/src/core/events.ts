import { Injectable, Logger } from '@nestjs/common';
import type { DenialReason } from './decision.js';
import type { PrincipalKind } from './principal.js';

/** Emitted for each decision on a request, allowed or denied. Holds no token, no header and no body. */
export interface DecisionEvent {
  readonly type: 'decision';
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly allowed: boolean;
  /** Present on denials. */
  readonly reason?: DenialReason | undefined;
  /** `Controller.handler`. */
  readonly route: string;
  /** `http`, or the transport's name as Nest gives it. */
  readonly transport: string;
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

/** Everything that is published; told apart by `type`. */
export type SecurityEvent = DecisionEvent | KeysChangedEvent;

/** Called with each event, before the request goes on: hand over what takes time. What it throws is logged. */
export type SecurityEventListener = (event: SecurityEvent) => void;

/** Where security events are published; inject it and `subscribe`. */
@Injectable()
export class SecurityEvents {
  private readonly logger = new Logger(SecurityEvents.name);
  private listeners: readonly SecurityEventListener[] = [];

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
