import { claim, namesGivenTo, ownerOf, registered, registeredNames } from './passport.registry.js';

/** An instance that Nest made for the application, and where. */
export interface ProvidedObject {
  readonly instance: object;
  readonly module: string;
}

/**
 * The Passport strategies of one application. Passport has one registry for the whole process, in which applications take
 * the names from each other: a provider of the application comes before whatever is registered under its name by now.
 */
export class ApplicationStrategies {
  private found: readonly ProvidedObject[] | undefined;
  private byName: Map<string, ProvidedObject> | undefined;
  private readonly asked = new Set<string>();

  /** @param provided all that Nest made when the application was created, asked for once */
  constructor(private readonly provided: () => readonly ProvidedObject[]) {}

  /**
   * The strategy of a name: that of the application, else one that was registered by hand. What another application
   * provides is for that one alone (fails closed). Of no type of Passport's: whoever has no types for it could not compile
   * against the package.
   */
  named(name: string): object | undefined {
    this.asked.add(name);
    const own = this.own.get(name);
    if (own !== undefined) return own.instance;
    return this.isForeign(name) ? undefined : registered(name);
  }

  /** True where another application of the process provides the strategy that is registered under the name. */
  isForeign(name: string): boolean {
    const strategy = registered(name);
    const owner = strategy && ownerOf(strategy);
    return owner !== undefined && owner !== this && !this.own.has(name);
  }

  /** The names that the application can use. */
  get names(): readonly string[] {
    return [...new Set([...this.own.keys(), ...registeredNames().filter((name) => !this.isForeign(name))])];
  }

  /** Notes which strategies are the application's, before it serves: others then know them for foreign ones. */
  claim(): void {
    for (const { instance } of this.strategies) claim(instance, this);
  }

  /** Says which strategies are not those that somebody may expect. */
  get warnings(): readonly string[] {
    return [...this.replaced(), ...[...this.asked].flatMap((name) => this.warningOf(name))];
  }

  private get own(): ReadonlyMap<string, ProvidedObject> {
    if (this.byName !== undefined) return this.byName;
    const latest = new Map<string, number>();
    this.byName = new Map();
    for (const each of this.strategies) {
      for (const [name, number] of namesGivenTo(each.instance)) {
        if (number < (latest.get(name) ?? 0)) continue;
        latest.set(name, number);
        this.byName.set(name, each);
      }
    }
    return this.byName;
  }

  /** Each once, under however many tokens it is provided. */
  private get strategies(): readonly ProvidedObject[] {
    this.found ??= [
      ...new Map(
        this.provided()
          .filter(({ instance }) => namesGivenTo(instance).size > 0)
          .map((each) => [each.instance, each]),
      ).values(),
    ];
    return this.found;
  }

  /** The strategies whose name a later one of the same application has taken. */
  private replaced(): readonly string[] {
    return this.strategies
      .filter(({ instance }) => [...namesGivenTo(instance).keys()].every((name) => this.isTaken(name, instance)))
      .map(
        (strategy) =>
          `${nameOf(strategy)} is a Passport strategy that is never asked: another one was registered under its name later. ` +
          'Give each a name of its own, PassportStrategy(Strategy, name), and provide each in one module',
      );
  }

  private isTaken(name: string, instance: object): boolean {
    return this.own.get(name)?.instance !== instance;
  }

  private warningOf(name: string): readonly string[] {
    const strategy = registered(name);
    const own = this.own.get(name);
    if (strategy === undefined || strategy === own?.instance || ownerOf(strategy) !== undefined) return [];
    if (own === undefined) {
      return isMadeByNest(strategy)
        ? [
            `${strategy.constructor.name}, the Passport strategy "${name}", is not a provider of this application: it was made by hand, ` +
              'or by another application in this process. Add it to the providers of a module of each application that asks it',
          ]
        : [];
    }
    if (isMadeByNest(strategy) || numberOf(strategy, name) < numberOf(own.instance, name)) return [];
    return [
      `The strategy that passport.use() registered under the name "${name}" is not asked: ${nameOf(own)} has that name. ` +
        'Give one of them another name',
    ];
  }
}

function nameOf({ instance, module }: ProvidedObject): string {
  return `${instance.constructor.name} of ${module}`;
}

function numberOf(strategy: object, name: string): number {
  return namesGivenTo(strategy).get(name) ?? 0;
}

/** True for what `PassportStrategy()` of @nestjs/passport made, which a container usually provides. */
function isMadeByNest(strategy: object): boolean {
  return typeof (strategy as { getPassportInstance?: unknown }).getPassportInstance === 'function';
}
