import type { CorsPolicy } from './cors/cors.policy.js';
import { headerList, type HeaderList } from './edge.headers.js';

// An application names a few origins; a pattern may let in any number of them.
const REMEMBERED = 256;

/** The fields that answer an origin which is allowed, made once for each that comes again. */
export class CorsAnswers {
  private readonly answers = new WeakMap<CorsPolicy, Map<string, HeaderList>>();

  to(cors: CorsPolicy, origin: string): HeaderList {
    let known = this.answers.get(cors);
    if (known === undefined) {
      known = new Map();
      this.answers.set(cors, known);
    }
    let fields = known.get(origin);
    if (fields === undefined) {
      fields = headerList(cors.answer(origin, true));
      if (known.size >= REMEMBERED) known.clear();
      known.set(origin, fields);
    }
    return fields;
  }
}
