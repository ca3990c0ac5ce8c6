import { Scope, type Provider, type Type } from '@nestjs/common';
import { INQUIRER } from '@nestjs/core';
import { namesOfCopies, ONE_COPY, otherCopies } from './core/copies.js';
import { SecurityConfigurationError } from './core/errors.js';

/**
 * Stands under the classes of other copies of the package: whoever injects one of them would otherwise be told by Nest that
 * nobody provides what `SecurityModule` plainly does. Transient, so that nobody is refused who injects none.
 */
export function refusalsOfOtherCopies(): Provider[] {
  return tokensOfOtherCopies().map((token) => ({
    provide: token,
    scope: Scope.TRANSIENT,
    inject: [{ token: INQUIRER, optional: true }],
    useFactory: (inquirer?: object): never => {
      const asking = inquirer?.constructor.name;
      throw new SecurityConfigurationError([
        {
          where: asking === undefined ? token.name : `${asking} injects ${token.name}`,
          problem: `is of another copy of @palisade/nest than SecurityModule.forRoot: there are ${namesOfCopies()}`,
          fix: ONE_COPY,
        },
      ]);
    },
  }));
}

export function tokensOfOtherCopies(): readonly Type[] {
  return [...new Set(otherCopies().flatMap(({ tokens }) => tokens))];
}

/** Says that there are several copies, whatever may come of it. */
export function warningOfCopies(): string | undefined {
  if (otherCopies().length === 0) return undefined;
  return (
    `This process has several copies of @palisade/nest: ${namesOfCopies()}. Decorators of each are honoured; its classes ` +
    `cannot be injected, and options of one are unknown to the other. ${ONE_COPY}`
  );
}
