import { type ConfigurationProblem, SecurityConfigurationError } from '../../core/errors.js';
import {
  checkOptions,
  describe,
  isRecord,
  Known,
  nearestName,
  OptionalRule,
  type OptionsShape,
  Part,
  Rule,
} from '../../core/options.rules.js';
import { isToken } from '../../core/http-grammar.js';
import { misspelledPrefix } from '../cookie.policy.js';
import { bytesOfSecret, FIX_SECRET, KeyRefusedError, SECRET_BYTES } from './imported-key.js';
import { keySourceOf } from './jwt-key-source.js';
import { isPrivateKey, missingKey } from './key-mistakes.js';
import { issuersOf, JWT_ALGORITHMS, type JwtAlgorithm, type JwtIssuerOptions, type JwtOptions } from './jwt.options.js';
import { isWeakSecret } from '../../core/weak-secret.js';

/** The rules of each option. */
type Rules = Readonly<Record<string, readonly PropertyDecorator[]>>;

const CACHE: Rules = {
  max: [OptionalRule(wholeNumber(2, 1_000_000), 'Give a number of tokens, such as 10000')],
  ttl: [OptionalRule(numberFrom(1, 86_400), 'Give seconds, such as 300')],
};

const COMMON: Rules = {
  types: [OptionalRule(listOfTexts, 'List media types, such as ["at+jwt"]')],
  clockTolerance: [
    OptionalRule(numberFrom(0, 300), 'Give seconds; clocks that are synchronised differ by less than 5'),
  ],
  dangerouslyAllowMissingExpiry: [OptionalRule(trueOrFalse, 'Give true or false')],
  maxLength: [OptionalRule(wholeNumber(1, 65_536), 'Give a number of characters, such as 8192')],
  from: [OptionalRule(transports, `List 'header', { cookie }, { query }, { form } or functions, each once`)],
  realm: [OptionalRule(realm, 'Use printable ASCII characters without quotes and backslashes')],
  cache: [Part(() => CacheRules), OptionalRule(notTrue, 'Leave it out, give { max, ttl }, or false')],
};

const ISSUER: Rules = {
  issuer: [Rule(text, 'Give the exact value of `iss` in the tokens')],
  audience: [
    OptionalRule(textOrTexts, "Give this API's name in `aud`, or a list of its names"),
    Rule(
      (audience, options) =>
        audience === undefined && option(options, 'dangerouslyAcceptAnyAudience') !== true ? 'is missing' : undefined,
      "Give this API's name in `aud`, or set dangerouslyAcceptAnyAudience: true",
      'presence',
    ),
  ],
  dangerouslyAcceptAnyAudience: [
    OptionalRule(trueOrFalse, 'Give true or false'),
    OptionalRule(
      (any, options) => (any === true && option(options, 'audience') !== undefined ? CONTRADICTS_AUDIENCE : undefined),
      'Keep one of the two',
      'contradiction',
    ),
  ],
  algorithms: [
    Rule(algorithmsMissing, `List the algorithms that the issuer signs with, such as ["RS256"]`),
    OptionalRule(algorithmsUnknown, `Known are ${JWT_ALGORITHMS.join(', ')}`, 'known'),
    OptionalRule(algorithmsMixed, 'Configure two issuers, or leave out one kind', 'mix'),
  ],
  secret: [Known()],
  key: [Known()],
};

const CONTRADICTS_AUDIENCE = 'contradicts `audience`';

const CacheRules = shapeOf(CACHE);
const IssuerRules = shapeOf(ISSUER);
const OneIssuerRules = shapeOf({ ...COMMON, ...ISSUER });
const SeveralIssuersRules = shapeOf({
  ...COMMON,
  ...mapValues(ISSUER, () => [
    OptionalRule(() => 'stands beside `issuers`', 'Move it into the issuer it is meant for'),
  ]),
  issuers: [
    Part(() => IssuerRules),
    Rule((value) => (Array.isArray(value) && value.length > 0 ? undefined : 'must list issuers'), 'List at least one'),
    Rule(issuersRepeated, 'Give each issuer once; several keys go into one JwtKeySet', 'repetition'),
  ],
});

/** Adds all that is wrong with the options of the JWT scheme to `problems`. No problem names a secret. */
export function checkJwtOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  const several = isRecord(options) && options['issuers'] !== undefined;
  checkOptions(several ? SeveralIssuersRules : OneIssuerRules, options, path, problems);
  if (!isRecord(options)) return;
  if (!several) {
    checkKeys(options, path, problems);
  } else if (Array.isArray(options['issuers'])) {
    options['issuers'].forEach((issuer: unknown, index) => {
      if (isRecord(issuer)) checkKeys(issuer, `${path}.issuers[${index}]`, problems);
    });
  }
}

/** What is allowed and can be guessed; no warning names a secret. The options have passed {@link checkJwtOptions}. */
export function jwtWarnings(options: JwtOptions): readonly ConfigurationProblem[] {
  return issuersOf(options)
    .filter(({ secret }) => secret !== undefined && isWeakSecret(bytesOfSecret(secret)))
    .map(({ issuer }) => ({
      where: 'authentication.jwt.secret',
      problem: `the secret of the issuer "${issuer}" can be guessed`,
      fix: FIX_SECRET,
    }));
}

/** Advice that a start logs and that stops none: whoever only verifies tokens has no need of a key that signs them. */
export function jwtAdvice(options: JwtOptions): readonly ConfigurationProblem[] {
  return issuersOf(options)
    .filter(({ key }) => isPrivateKey(key) || keysIn(key).some(isPrivateKey))
    .map(({ issuer }) => ({
      where: 'authentication.jwt.key',
      problem: `the key of the issuer "${issuer}" is a private one, which could sign tokens`,
      fix: 'Give its public half: openssl pkey -in private.pem -pubout',
    }));
}

function keysIn(key: unknown): readonly unknown[] {
  return isRecord(key) && Array.isArray(key['keys']) ? key['keys'] : [];
}

/** The keys of one issuer: which of the two options, and whether they are sound and serve the algorithms. */
function checkKeys(issuer: Record<string, unknown>, path: string, problems: ConfigurationProblem[]): void {
  const { secret, key, algorithms } = issuer;
  const known = Array.isArray(algorithms) ? algorithms.filter(isAlgorithm) : [];
  const symmetric = known.some(isSymmetric);
  const add = (name: string, problem: string, fix: string) => problems.push({ where: `${path}.${name}`, problem, fix });

  if (secret === undefined && key === undefined) {
    const [name, other] = symmetric ? ['secret', 'key'] : ['key', 'secret'];
    const mistake = missingKey(issuer, name) ?? missingKey(issuer, other);
    const where = missingKey(issuer, name) === undefined && mistake !== undefined ? other : name;
    add(
      where,
      mistake?.problem ?? 'is missing',
      mistake?.fix ?? (symmetric ? 'Give the shared secret' : "Give the issuer's public key"),
    );
  } else if (secret !== undefined && key !== undefined) {
    add('secret', 'stands beside `key`', 'Give `secret` for HS256, HS384 and HS512, `key` for the others');
  } else if (secret !== undefined && known.some((algorithm) => !isSymmetric(algorithm))) {
    add('secret', 'does not verify asymmetric algorithms', "Give the issuer's public key as `key`");
  } else if (key !== undefined && typeof key !== 'function' && symmetric) {
    add('key', 'does not verify HS256, HS384 and HS512', 'Give the shared secret as `secret`');
  } else {
    const name = secret === undefined ? 'key' : 'secret';
    try {
      keySourceOf({ ...(issuer as unknown as JwtIssuerOptions), algorithms: known });
    } catch (error) {
      if (error instanceof KeyRefusedError) add(name, error.problem, error.fix);
      else if (error instanceof SecurityConfigurationError) {
        for (const { where, problem, fix } of error.problems)
          add(where.replace(/^JwtKeySet/, `${name}.keys`), problem, fix);
      } else throw error;
    }
  }
}

function algorithmsMissing(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  return Array.isArray(value) && value.length > 0 ? undefined : 'must list at least one algorithm';
}

function algorithmsUnknown(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const unknown: unknown = value.find((algorithm) => !isAlgorithm(algorithm));
  if (unknown === undefined) return undefined;
  if (typeof unknown !== 'string') return `lists ${describe(unknown)}, not the name of an algorithm`;
  if (unknown.toLowerCase() === 'none') return 'lists "none": anybody can write a token that nobody signed';
  const nearest = nearestName(unknown, JWT_ALGORITHMS);
  return `lists "${unknown}", which is not known${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
}

function algorithmsMixed(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const known = value.filter(isAlgorithm);
  return known.some(isSymmetric) && !known.every(isSymmetric)
    ? 'mixes HS* with asymmetric algorithms, whose public key would then be a secret (RFC 8725, section 2.1)'
    : undefined;
}

function isAlgorithm(value: unknown): value is JwtAlgorithm {
  return (JWT_ALGORITHMS as readonly unknown[]).includes(value);
}

function isSymmetric(algorithm: JwtAlgorithm): boolean {
  return SECRET_BYTES.has(algorithm);
}

function issuersRepeated(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = value.filter(isRecord).map(({ issuer }) => issuer);
  const repeated = names.find((name, index) => typeof name === 'string' && names.indexOf(name) !== index);
  return repeated === undefined ? undefined : `names the issuer "${String(repeated)}" twice`;
}

// Names that go into a Cookie header: a token of RFC 9110, section 5.6.2.
function transports(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `must be a list, not ${describe(value)}`;
  if (value.length === 0) return 'lists no way in, so that no token could ever come';
  const malformed = value.findIndex((transport) => !isTransport(transport));
  if (malformed >= 0) return `[${malformed}] is no place that a token can be taken from`;
  const cookie = value.findIndex((transport) => prefixOf(transport) !== undefined);
  if (cookie >= 0) {
    return `[${cookie}] names a cookie by a prefix that not every browser protects in these letters: write ${prefixOf(value[cookie])}`;
  }
  const names = value.map((transport) => (typeof transport === 'function' ? transport : JSON.stringify(transport)));
  return new Set(names).size < names.length ? 'lists one place twice, whose tokens would count as two' : undefined;
}

function prefixOf(transport: unknown): string | undefined {
  return isRecord(transport) && typeof transport['cookie'] === 'string'
    ? misspelledPrefix(transport['cookie'])
    : undefined;
}

function isTransport(value: unknown): boolean {
  if (value === 'header' || typeof value === 'function') return true;
  if (!isRecord(value)) return false;
  const [[kind, name] = [], ...others] = Object.entries(value);
  if (others.length > 0 || typeof name !== 'string' || name === '') return false;
  return kind === 'cookie' ? isToken(name) : kind === 'query' || kind === 'form';
}

/** It stands between quotes in a header, where line breaks would begin another one. */
function realm(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return `must be text, not ${value === '' ? 'empty' : describe(value)}`;
  return /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/.test(value) ? undefined : 'has characters that a challenge cannot carry';
}

function text(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (typeof value !== 'string') return `must be text, not ${describe(value)}`;
  if (value === '') return 'is empty';
  return value === value.trim() ? undefined : 'begins or ends with white space';
}

function listOfTexts(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `must be a list, not ${describe(value)}`;
  if (value.length === 0) return 'is an empty list';
  return value.map(text).find((problem) => problem !== undefined);
}

function textOrTexts(value: unknown): string | undefined {
  return Array.isArray(value) ? listOfTexts(value) : text(value);
}

function trueOrFalse(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`;
}

function notTrue(value: unknown): string | undefined {
  return value === true || Array.isArray(value) ? 'must be an object or false' : undefined;
}

function numberFrom(least: number, most: number) {
  return (value: unknown): string | undefined => {
    if (typeof value !== 'number') return `must be a number, not ${describe(value)}`;
    return value >= least && value <= most ? undefined : `must be from ${least} to ${most}, not ${value}`;
  };
}

function wholeNumber(least: number, most: number) {
  const within = numberFrom(least, most);
  return (value: unknown): string | undefined =>
    within(value) ?? (Number.isInteger(value) ? undefined : `must be a whole number, not ${String(value)}`);
}

function option(options: object, name: string): unknown {
  return (options as Record<string, unknown>)[name];
}

function shapeOf(rules: Rules): OptionsShape {
  class Shape {}
  for (const [name, decorators] of Object.entries(rules)) {
    for (const decorate of decorators) decorate(Shape.prototype, name);
  }
  return Shape;
}

function mapValues(rules: Rules, map: () => readonly PropertyDecorator[]): Rules {
  return Object.fromEntries(Object.keys(rules).map((name) => [name, map()]));
}
