import { describe, expect, it } from '@jest/globals';
import type { Declaration } from './declarations.js';
import type { ConfigurationProblem } from './errors.js';
import { compileRoutePolicy, type DeclarationLayer, type KnownNames } from './route-policy.compiler.js';

class Controller {
  handler(): void {}
}

const PUBLIC: Declaration = { kind: 'access', access: 'public', decorator: '@Public()' };
const OPTIONAL: Declaration = { kind: 'access', access: 'optional', schemes: [], decorator: '@OptionalAuth()' };
const byJwt: Declaration = {
  kind: 'access',
  access: 'authenticated',
  schemes: ['jwt'],
  decorator: "@Authenticated('jwt')",
};
const roles = (...any: string[]): Declaration => ({ kind: 'roles', requirement: { any }, decorator: '@Roles()' });
const permissions = (...all: string[]): Declaration => ({
  kind: 'permissions',
  requirement: { all },
  decorator: '@Permissions()',
});
const scopes = (...names: string[]): Declaration => ({ kind: 'scopes', scopes: names, decorator: '@Scopes()' });
const allow = () => true;
const deny = () => false;
const policy = (reference: () => boolean): Declaration => ({
  kind: 'policies',
  policies: [reference],
  decorator: '@Policy()',
});

const layer = (level: DeclarationLayer['level'], ...declarations: Declaration[]): DeclarationLayer => ({
  level,
  where: level === 'handler' ? 'Controller.handler' : level,
  declarations,
});
const handler = (...declarations: Declaration[]) => layer('handler', ...declarations);
const onClass = (...declarations: Declaration[]) => layer('class', ...declarations);
const feature = (...declarations: Declaration[]) => layer('feature', ...declarations);

function compile(layers: DeclarationLayer[], overrides: Partial<KnownNames> = {}) {
  const problems: ConfigurationProblem[] = [];
  const known: KnownNames = {
    roles: new Set(['admin', 'teller', 'customer']),
    schemes: { names: ['jwt', 'key'], has: (name) => name === 'jwt' || name === 'key' },
    defaultSchemes: ['jwt', 'key'],
    fallback: 'authenticated',
    ...overrides,
  };
  const compiled = compileRoutePolicy(
    { id: 'Controller.handler', controller: Controller, handler: Controller.prototype.handler, layers },
    known,
    problems,
  );
  return { policy: compiled, problems };
}

describe('What a handler asks for', () => {
  it('is to be authenticated by any configured scheme where nothing is declared', () => {
    expect(compile([]).policy).toMatchObject({ access: 'authenticated', schemes: ['jwt', 'key'], policies: [] });
  });

  it('is denied where nothing is declared and the fallback is to deny', () => {
    expect(compile([], { fallback: 'deny' }).policy.access).toBe('denied');
  });

  it('is not denied by the fallback where any requirement is declared', () => {
    expect(compile([feature(roles('teller'))], { fallback: 'deny' }).policy.access).toBe('authenticated');
  });

  it('takes the rule of the handler over that of the class, and that over the feature', () => {
    const layers = [handler(roles('admin')), onClass(roles('teller')), feature(roles('customer'))];
    expect(compile(layers).policy.roles).toEqual({ any: ['admin'] });
    expect(compile(layers.slice(1)).policy.roles).toEqual({ any: ['teller'] });
    expect(compile(layers.slice(2)).policy.roles).toEqual({ any: ['customer'] });
  });

  it('adds up rules of different kinds from different levels', () => {
    const { policy: compiled } = compile([handler(roles('admin')), onClass(permissions('a:b')), feature(scopes('s'))]);
    expect(compiled).toMatchObject({
      roles: { any: ['admin'] },
      permissions: { all: ['a:b'] },
      scopes: ['s'],
      declaredAt: { roles: 'handler', permissions: 'class', scopes: 'feature' },
    });
  });

  it('adds up several policies of one level, and replaces those further out', () => {
    const { policy: compiled } = compile([handler(policy(allow), policy(deny)), onClass(policy(() => true))]);
    expect(compiled.policies).toEqual([allow, deny]);
  });

  it('is frozen', () => {
    const { policy: compiled } = compile([handler(roles('admin'))]);
    expect(Object.isFrozen(compiled)).toBe(true);
    expect(Object.isFrozen(compiled.roles)).toBe(true);
    expect(Object.isFrozen(compiled.schemes)).toBe(true);
  });

  it('freezes nothing of the application', () => {
    const names = ['admin'];
    compile([handler(roles(...names)), onClass({ kind: 'permissions', requirement: { all: names }, decorator: '' })]);
    expect(Object.isFrozen(names)).toBe(false);
  });
});

describe('@Public', () => {
  it('lifts the requirements further out', () => {
    const { policy: compiled } = compile([
      handler(PUBLIC),
      onClass(roles('admin'), policy(deny)),
      feature(scopes('s')),
    ]);
    expect(compiled).toMatchObject({ access: 'public', schemes: [], policies: [] });
    expect(compiled.roles).toBeUndefined();
    expect(compiled.scopes).toBeUndefined();
  });

  it.each([
    ['roles', roles('admin')],
    ['permissions', permissions('a:b')],
    ['scopes', scopes('s')],
    ['a policy', policy(allow)],
  ])('is beaten by %s nearer to the handler', (_, requirement) => {
    expect(compile([handler(requirement), onClass(PUBLIC)]).policy.access).toBe('authenticated');
  });

  it('does not lift what is further out once it is beaten', () => {
    const { policy: compiled } = compile([handler(roles('admin')), onClass(PUBLIC), feature(scopes('s'))]);
    expect(compiled).toMatchObject({ access: 'authenticated', roles: { any: ['admin'] }, scopes: ['s'] });
  });

  it('uncovers the schemes further out once it is beaten', () => {
    const { policy: compiled } = compile([handler(roles('admin')), onClass(PUBLIC), feature(byJwt)]);
    expect(compiled).toMatchObject({ access: 'authenticated', schemes: ['jwt'], declaredAt: { access: 'feature' } });
  });

  it('gives way to @Authenticated nearer to the handler', () => {
    expect(compile([handler(byJwt), onClass(PUBLIC)]).policy).toMatchObject({
      access: 'authenticated',
      schemes: ['jwt'],
    });
  });

  it('of an overridden method does not open the overriding one, though its requirements hold', () => {
    const overridden = { ...handler(PUBLIC), requirementsOnly: true };
    expect(compile([overridden]).policy.access).toBe('authenticated');
    expect(compile([{ ...handler(roles('admin')), requirementsOnly: true }]).policy.roles).toEqual({ any: ['admin'] });
  });
});

describe('@OptionalAuth', () => {
  it('lifts roles, permissions and scopes further out, but leaves policies to judge the anonymous', () => {
    const { policy: compiled } = compile([handler(OPTIONAL), onClass(roles('admin'), policy(deny))]);
    expect(compiled).toMatchObject({ access: 'optional', policies: [deny] });
    expect(compiled.roles).toBeUndefined();
  });

  it('goes together with a policy on one level', () => {
    const { policy: compiled, problems } = compile([handler(OPTIONAL, policy(allow))]);
    expect(problems).toEqual([]);
    expect(compiled).toMatchObject({ access: 'optional', policies: [allow] });
  });

  it('is beaten by a requirement nearer to the handler', () => {
    expect(compile([handler(roles('admin')), onClass(OPTIONAL)]).policy.access).toBe('authenticated');
  });
});

describe('The start is refused', () => {
  it.each([
    ['@Public with roles', [PUBLIC, roles('admin')]],
    ['@Public with permissions', [PUBLIC, permissions('a:b')]],
    ['@Public with scopes', [PUBLIC, scopes('s')]],
    ['@Public with a policy', [PUBLIC, policy(allow)]],
    ['@Public with @Authenticated', [PUBLIC, byJwt]],
    ['@Public with @OptionalAuth', [PUBLIC, OPTIONAL]],
    ['@OptionalAuth with roles', [OPTIONAL, roles('admin')]],
    ['@OptionalAuth with scopes', [OPTIONAL, scopes('s')]],
    ['@Roles twice', [roles('admin'), roles('teller')]],
  ])('by %s on one level', (_, declarations) => {
    const { problems } = compile([handler(...declarations)]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ where: 'Controller.handler' });
    expect(problems[0]?.problem).toContain('contradict');
  });

  it('by a role that is not declared, with the nearest one', () => {
    const { problems } = compile([handler(roles('adnim'))]);
    expect(problems).toEqual([
      {
        where: 'Controller.handler',
        problem: '@Roles() names the role "adnim", which is not declared',
        fix: 'Did you mean "admin"?',
      },
    ]);
  });

  it('by a scheme that is not configured', () => {
    const unknown: Declaration = {
      kind: 'access',
      access: 'authenticated',
      schemes: ['jwtt'],
      decorator: '@Authenticated()',
    };
    expect(compile([handler(unknown)]).problems[0]?.fix).toBe('Did you mean "jwt"?');
  });

  it.each([
    ['no role', roles()],
    ['no permission', permissions()],
    ['no scope', scopes()],
    ['an empty role', roles('')],
    ['no policy', { kind: 'policies', policies: [], decorator: '@Policy()' } as Declaration],
    [
      'an undefined policy',
      { kind: 'policies', policies: [undefined], decorator: '@Policy()' } as unknown as Declaration,
    ],
    ['a scope that would break out of the challenge', scopes('a" error="x')],
  ])('by a decorator that names %s', (_, requirement) => {
    expect(compile([handler(requirement)]).problems).toHaveLength(1);
  });

  it('by what a class further out says, even where the handler says something else', () => {
    const { problems } = compile([handler(roles('teller')), onClass(PUBLIC, roles('admin'))]);
    expect(problems).toHaveLength(1);
  });
});
