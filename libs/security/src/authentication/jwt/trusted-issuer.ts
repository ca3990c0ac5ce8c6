import type { Patience } from '../../core/application-functions.js';
import { type Denied } from '../../core/decision.js';
import { decodeJson } from './compact-token.js';
import { type JwtKeySource, keySourceOf } from './jwt-key-source.js';
import type { JwtIssuerOptions, JwtKeyHint } from './jwt.options.js';
import { checkHeader, type HeaderRules, type IssuerRules, keyHintOf } from './jwt.policy.js';
import { JwtStrategy } from './jwt.strategy.js';

/** How many headers are remembered; an issuer has one for each key it signs with. */
const MOST_HEADERS = 64;

/** One issuer of the options, with all that its tokens are verified with. */
export class TrustedIssuer {
  readonly rules: IssuerRules;
  readonly keys: JwtKeySource;
  readonly strategy: JwtStrategy;
  readonly headerRules: HeaderRules;
  private readonly headers = new Map<string, JwtKeyHint>();

  constructor(options: JwtIssuerOptions, types: Pick<HeaderRules, 'types' | 'typeRequired'>, patience?: Patience) {
    const { issuer, audience, algorithms } = options;
    const audiences = typeof audience === 'string' ? [audience] : audience;
    this.rules = { issuer, audiences: audiences === undefined ? undefined : new Set(audiences) };
    this.keys = keySourceOf(options, patience);
    this.headerRules = { algorithms: new Set(algorithms), ...types };
    this.strategy = new JwtStrategy(algorithms);
  }

  /** What the header says of the key, once the header is decided on. */
  headerOf(segment: string): JwtKeyHint | Denied {
    const known = this.headers.get(segment);
    if (known !== undefined) return known;
    const header = decodeJson(segment);
    const decision = checkHeader(header, this.headerRules);
    return decision.allowed ? keyHintOf(header) : decision;
  }

  /** Only after the signature: nobody but the issuer fills the memory, or pushes its headers out. */
  rememberHeader(segment: string, header: JwtKeyHint): void {
    if (this.headers.has(segment)) return;
    if (this.headers.size >= MOST_HEADERS) this.headers.clear();
    // A copy: the segment is a view that keeps its whole token in memory.
    this.headers.set(Buffer.from(segment, 'latin1').toString('latin1'), header);
  }
}
