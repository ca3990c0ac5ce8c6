import { describe, expect, it, jest } from '@jest/globals';
import { SecurityConfigurationError } from '../../core/errors.js';
import { JwtKeySet, type JwtKeySetEntry } from './jwt-key-set.js';
import { pemOf, signingKey } from './testing/tokens.js';

const first = signingKey('ES256').publicKey;
const second = signingKey('ES256', 'second').publicKey;
const rsa = signingKey('RS256').publicKey;
const jwk = (key: typeof first, members: object) => ({ ...key.export({ format: 'jwk' }), ...members });

const kids = (set: JwtKeySet) => set.keys.map(({ kid }) => kid);

function problemsOf(change: () => unknown) {
  try {
    change();
  } catch (error) {
    if (error instanceof SecurityConfigurationError) return error.problems;
    throw error;
  }
  throw new Error('The keys were taken');
}

describe('JwtKeySet', () => {
  it('takes JWKs, PEMs and KeyObjects, named or not', () => {
    const set = new JwtKeySet([jwk(first, { kid: 'a' }), { kid: 'b', key: pemOf(second) }, { key: rsa }]);
    expect(kids(set)).toEqual(['a', 'b', undefined]);
  });

  it('takes a JWK that is wrapped by its own name', () => {
    expect(kids(new JwtKeySet([{ key: jwk(first, { kid: 'a' }) }]))).toEqual(['a']);
  });

  it('may be empty', () => {
    expect(new JwtKeySet().find({ alg: 'ES256' })).toBeUndefined();
  });

  it('leaves out keys that are published for another use', () => {
    const set = new JwtKeySet([jwk(rsa, { kid: 'enc', use: 'enc' }), jwk(first, { kid: 'sig', use: 'sig' })]);
    expect(kids(set)).toEqual(['sig']);
  });

  it('refuses keys none of which can verify', () => {
    const [problem] = problemsOf(() => new JwtKeySet([jwk(rsa, { kid: 'enc', use: 'enc' })]));
    expect(problem).toMatchObject({ where: 'JwtKeySet[0]', problem: expect.stringContaining('"use"') });
  });

  it('names every key that is broken', () => {
    const problems = problemsOf(() => new JwtKeySet(['no PEM', jwk(first, { kid: 'a' }), { kty: 'oct' }]));
    expect(problems.map(({ where }) => where)).toEqual(['JwtKeySet[0]', 'JwtKeySet[2]']);
  });

  it.each<[string, readonly JwtKeySetEntry[]]>([
    ['without a name', [first, rsa]],
    ['of one name for one algorithm', [jwk(first, { kid: 'a' }), { kid: 'a', key: second }]],
  ])('refuses two keys %s', (_, keys) => {
    expect(problemsOf(() => new JwtKeySet(keys))).toHaveLength(1);
  });

  it('tells two keys of one name apart by their algorithms', () => {
    const set = new JwtKeySet([
      { kid: 'a', key: first },
      { kid: 'a', key: rsa },
    ]);
    expect(set.find({ alg: 'ES256', kid: 'a' })?.keyObject.equals(first)).toBe(true);
    expect(set.find({ alg: 'RS256', kid: 'a' })?.keyObject.equals(rsa)).toBe(true);
  });

  describe('add', () => {
    it('makes a key known and says so', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      const listener = jest.fn();
      set.onChange(listener);
      set.add({ kid: 'b', key: second });
      expect(set.find({ alg: 'ES256', kid: 'b' })).toBeDefined();
      expect(listener.mock.calls).toEqual([['added']]);
    });

    it('refuses a name that is taken, and changes nothing', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      expect(problemsOf(() => set.add({ kid: 'a', key: second }))).toHaveLength(1);
      expect(set.find({ alg: 'ES256', kid: 'a' })?.keyObject.equals(first)).toBe(true);
    });
  });

  describe('withdraw', () => {
    it('takes the key away and says so', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }, { key: rsa }]);
      const key = set.find({ alg: 'ES256', kid: 'a' });
      const listener = jest.fn();
      set.onChange(listener);
      expect(set.withdraw('a')).toBe(true);
      expect(set.find({ alg: 'ES256', kid: 'a' })).toBeUndefined();
      expect(key !== undefined && set.has(key)).toBe(false);
      expect(listener.mock.calls).toEqual([['removed']]);
    });

    it('says that there is no key of that name', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      const listener = jest.fn();
      set.onChange(listener);
      expect(set.withdraw('b')).toBe(false);
      expect(listener).not.toHaveBeenCalled();
    });
  });

  describe('replace', () => {
    it('puts other keys in place of all', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      const listener = jest.fn();
      set.onChange(listener);
      set.replace([{ kid: 'b', key: second }]);
      expect(kids(set)).toEqual(['b']);
      expect(listener.mock.calls).toEqual([['removed']]);
    });

    it('counts as adding when all keys stay, as when a published set is fetched again', () => {
      const set = new JwtKeySet([jwk(first, { kid: 'a' })]);
      const key = set.find({ alg: 'ES256', kid: 'a' });
      const listener = jest.fn();
      set.onChange(listener);
      set.replace([jwk(first, { kid: 'a' }), jwk(second, { kid: 'b' })]);
      expect(key !== undefined && set.has(key)).toBe(true);
      expect(listener.mock.calls).toEqual([['added']]);
    });

    it('counts as removing when a name stands for another key', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      const key = set.find({ alg: 'ES256', kid: 'a' });
      set.replace([{ kid: 'a', key: second }]);
      expect(key !== undefined && set.has(key)).toBe(false);
      expect(set.find({ alg: 'ES256', kid: 'a' })?.keyObject.equals(second)).toBe(true);
    });

    it('counts as removing when a key may serve less than before', () => {
      const set = new JwtKeySet([jwk(rsa, { kid: 'a' })]);
      const listener = jest.fn();
      set.onChange(listener);
      set.replace([jwk(rsa, { kid: 'a', alg: 'PS512' })]);
      expect(set.find({ alg: 'RS256', kid: 'a' })).toBeUndefined();
      expect(listener.mock.calls).toEqual([['removed']]);
    });

    it('lets a key serve more than before', () => {
      const set = new JwtKeySet([jwk(rsa, { kid: 'a', alg: 'PS512' })]);
      set.replace([jwk(rsa, { kid: 'a' })]);
      expect(set.find({ alg: 'RS256', kid: 'a' })).toBeDefined();
    });

    it('keeps the old keys when one of the new is broken', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      expect(problemsOf(() => set.replace([{ kid: 'b', key: second }, 'no PEM']))).toHaveLength(1);
      expect(kids(set)).toEqual(['a']);
    });

    it('takes all keys away when it is given none', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      set.replace([]);
      expect(kids(set)).toEqual([]);
    });
  });

  describe('onChange', () => {
    it('ends when it is told to, for one listener at a time', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      const listener = jest.fn();
      const unsubscribe = set.onChange(listener);
      set.onChange(listener);
      unsubscribe();
      set.withdraw('a');
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it('tells everybody, whatever one of them throws', () => {
      const set = new JwtKeySet([{ kid: 'a', key: first }]);
      const listener = jest.fn();
      set.onChange(() => {
        throw new Error('a listener failed');
      });
      set.onChange(listener);
      expect(() => set.withdraw('a')).toThrow(AggregateError);
      expect(listener).toHaveBeenCalledTimes(1);
      expect(kids(set)).toEqual([]);
    });
  });
});
