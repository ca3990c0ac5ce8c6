import { describe, expect, it } from '@jest/globals';
import { ownDeclarations } from '../../core/declarations.js';
import type { ConfigurationProblem } from '../../core/errors.js';
import { BodyLimit, checkBodyLimit, checkContentTypes, ContentTypes } from './firewall.decorators.js';

@ContentTypes('image/*')
class Uploads {
  @BodyLimit('1mb')
  @ContentTypes('image/png', 'image/jpeg')
  upload(): void {}

  @BodyLimit(512)
  rename(): void {}
}

describe('the decorators of the firewall', () => {
  it('record what a handler says of its bodies', () => {
    expect(ownDeclarations(Uploads.prototype).get('upload')).toEqual([
      {
        kind: 'edge',
        part: 'contentTypes',
        value: ['image/png', 'image/jpeg'],
        decorator: '@ContentTypes("image/png", "image/jpeg")',
      },
      { kind: 'edge', part: 'bodyLimit', value: '1mb', decorator: '@BodyLimit("1mb")' },
    ]);
    expect(ownDeclarations(Uploads.prototype).get('rename')).toEqual([
      { kind: 'edge', part: 'bodyLimit', value: 512, decorator: '@BodyLimit(512)' },
    ]);
  });

  it('record what a class says of them', () => {
    expect(ownDeclarations(Uploads).get(undefined)).toEqual([
      { kind: 'edge', part: 'contentTypes', value: ['image/*'], decorator: '@ContentTypes("image/*")' },
    ]);
  });

  it.each<[unknown, unknown]>([
    ['1mb', ['image/*']],
    [0, ['application/json', 'application/*+json']],
  ])('have values that are right: %j, %j', (size, types) => {
    expect(problemsOf(size, types)).toEqual([]);
  });

  it.each<[unknown, unknown]>([
    ['1 megabyte', ['*/*']],
    [-1, []],
    [undefined, [undefined]],
    [{}, ['json']],
  ])('have values that are refused with the name of the handler: %j, %j', (size, types) => {
    const problems = problemsOf(size, types);
    expect(problems.map(({ where }) => where)).toEqual(['Uploads.upload', 'Uploads.upload']);
    expect(problems[0]?.problem).toMatch(/^@BodyLimit /);
    expect(problems[1]?.problem).toMatch(/^@ContentTypes /);
  });
});

function problemsOf(size: unknown, types: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkBodyLimit(size, 'Uploads.upload', problems);
  checkContentTypes(types, 'Uploads.upload', problems);
  return problems;
}
