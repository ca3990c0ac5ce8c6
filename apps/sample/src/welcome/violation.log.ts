import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { SecurityEvents, type SecurityEvent } from '@palisade/nest';

/** Writes down what browsers report: a script that was blocked is somebody's mistake, or somebody's attack. */
@Injectable()
export class ViolationLog implements OnModuleDestroy {
  private readonly logger = new Logger('ContentSecurityPolicy');
  private readonly unsubscribe: () => void;

  constructor(events: SecurityEvents) {
    this.unsubscribe = events.subscribe((event) => this.write(event));
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  private write(event: SecurityEvent): void {
    if (event.type !== 'csp_violation') return;
    // Anybody may post a report: as JSON, nothing of it ends the line.
    this.logger.warn(JSON.stringify(event.violation));
  }
}
