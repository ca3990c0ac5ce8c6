import { transform } from '@swc/core';
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';

// Lets a process that a test starts run the sources as they are, where nothing is built: `node --import <this file>`.
// Node loads it twice: once before the process begins, and once as the hooks of its modules.

const ENTRIES = {
  '@palisade/nest': new URL('../../libs/security/src/index.ts', import.meta.url).href,
  '@palisade/nest/redis': new URL('../../libs/security/src/adapters/redis/index.ts', import.meta.url).href,
};

const OPTIONS = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
  },
  module: { type: 'es6' },
};

if (!import.meta.url.endsWith('?hooks')) register(`${import.meta.url}?hooks`);

export async function resolve(specifier, context, next) {
  const entry = ENTRIES[specifier];
  if (entry !== undefined) return { url: entry, format: 'module', shortCircuit: true };
  const isSource = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
  return next(isSource ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  const { code } = await transform(await readFile(filename, 'utf8'), { ...OPTIONS, filename });
  return { format: 'module', source: code, shortCircuit: true };
}
