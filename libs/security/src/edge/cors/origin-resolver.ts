/** Decides on an origin that no list names: a customer's own domain, looked up where it is kept. */
export type OriginResolver = (origin: string) => boolean | Promise<boolean>;

/** Why a resolver gave no answer that counts; the origin is refused then. */
export type ResolverFailure = 'timed_out' | 'threw' | 'not_boolean' | 'overloaded';

/** How a resolver is asked; times in milliseconds. */
export interface ResolverBounds {
  readonly max: number;
  readonly ttl: number;
  readonly timeout: number;
}

/** Questions that wait for an answer at a time; each is about another origin. */
const MOST_AT_ONCE = 256;

/** Asks a resolver at most once at a time for an origin, and remembers what it promised. */
export class ResolvedOrigins {
  // Apart, so that nobody can push allowed origins out by inventing others.
  private readonly allowed: OriginMemory;
  private readonly refused: OriginMemory;
  private readonly asking = new Map<string, Promise<boolean>>();

  constructor(
    private readonly resolve: OriginResolver,
    private readonly bounds: ResolverBounds,
    private readonly now: () => number,
    private readonly failed: (failure: ResolverFailure) => void,
  ) {
    this.allowed = new OriginMemory(bounds.max, bounds.ttl);
    this.refused = new OriginMemory(bounds.max, bounds.ttl);
  }

  /** Never throws and never rejects. A resolver that answers at once is asked each time. */
  allows(origin: string): boolean | Promise<boolean> {
    const now = this.now();
    if (this.allowed.has(origin, now)) return true;
    if (this.refused.has(origin, now)) return false;
    const asked = this.asking.get(origin);
    if (asked !== undefined) return asked;
    if (this.asking.size >= MOST_AT_ONCE) return this.fail('overloaded');
    return this.ask(origin, now);
  }

  /** True if the resolver promised so before, and not too long ago; it is not asked. */
  isRemembered(origin: string): boolean {
    return this.allowed.has(origin, this.now());
  }

  private ask(origin: string, now: number): boolean | Promise<boolean> {
    let answer: unknown;
    try {
      answer = this.resolve(origin);
    } catch {
      return this.fail('threw');
    }
    if (typeof answer === 'boolean') return answer;
    if (typeof answer !== 'object' || answer === null) return this.fail('not_boolean');
    const promised = this.awaitAnswer(origin, answer, now);
    this.asking.set(origin, promised);
    return promised;
  }

  private awaitAnswer(origin: string, answer: object, askedAt: number): Promise<boolean> {
    return new Promise((done) => {
      let isOpen = true;
      const end = (outcome: boolean | ResolverFailure): void => {
        // An answer that comes too late may be older than that of a later question (fails closed).
        if (!isOpen) return;
        isOpen = false;
        clearTimeout(timer);
        this.asking.delete(origin);
        if (typeof outcome === 'boolean') (outcome ? this.allowed : this.refused).add(origin, askedAt);
        done(typeof outcome === 'boolean' ? outcome : this.fail(outcome));
      };
      const timer = setTimeout(end, this.bounds.timeout, 'timed_out');
      timer.unref();
      // Adopted by a promise of our own: it is never settled before the question is noted.
      new Promise<unknown>((adopt) => adopt(answer)).then(
        (value) => end(typeof value === 'boolean' ? value : 'not_boolean'),
        () => end('threw'),
      );
    });
  }

  private fail(failure: ResolverFailure): false {
    this.failed(failure);
    return false;
  }
}

/** Origins and when they were asked for; the one that was not used for longest is forgotten first. */
class OriginMemory {
  private readonly entries = new Map<string, number>();

  constructor(
    private readonly max: number,
    private readonly ttl: number,
  ) {}

  has(origin: string, now: number): boolean {
    const storedAt = this.entries.get(origin);
    if (storedAt === undefined) return false;
    this.entries.delete(origin);
    // A clock that was set back, or gives no number, counts for nothing (fails closed).
    if (!(now >= storedAt && now < storedAt + this.ttl)) return false;
    this.entries.set(origin, storedAt);
    return true;
  }

  add(origin: string, now: number): void {
    this.entries.delete(origin);
    if (this.entries.size >= this.max) {
      const [oldest] = this.entries.keys();
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    this.entries.set(origin, now);
  }
}
