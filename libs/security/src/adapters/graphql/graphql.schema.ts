import type { ConfigurationProblem } from '../../core/errors.js';
import type { TransportApplication } from '../../core/transport.port.js';

// The provider of @nestjs/graphql that has the schema; an adapter that names its class would import the package.
const SCHEMA_HOST = 'GraphQLSchemaHost';

interface RootType {
  readonly name: string;
}

/** What is read of a schema. */
interface Schema {
  getQueryType(): RootType | null | undefined;
  getMutationType(): RootType | null | undefined;
  getSubscriptionType(): RootType | null | undefined;
}

/**
 * Nest tells entry points from fields of an answer by the names of their types, which a schema may choose otherwise:
 * `schema { query: Root }`. Guards are not run for the resolvers of such a type, as they are taken for fields.
 */
export function schemaProblems(application: TransportApplication): readonly ConfigurationProblem[] {
  return application.instancesOf(SCHEMA_HOST).flatMap((host) => {
    const schema = schemaOf(host);
    if (schema === undefined) return [];
    return [
      ...problemOf('Query', schema.getQueryType()),
      ...problemOf('Mutation', schema.getMutationType()),
      ...problemOf('Subscription', schema.getSubscriptionType()),
    ];
  });
}

/** `undefined` where there is none yet: a gateway, which has no resolvers of its own. */
function schemaOf(host: unknown): Schema | undefined {
  try {
    return (host as { readonly schema?: Schema } | undefined)?.schema;
  } catch {
    return undefined;
  }
}

function problemOf(expected: string, root: RootType | null | undefined): ConfigurationProblem[] {
  if (root == null || root.name === expected) return [];
  return [
    {
      where: `The type ${root.name} of the GraphQL schema`,
      problem: `is its ${expected.toLowerCase()} type, and Nest takes the resolvers of ${root.name} for fields, which no guard is in front of`,
      fix: `Name it ${expected}`,
    },
  ];
}
