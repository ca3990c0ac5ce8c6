/** Packages that the root entry must work without: clients, transports and tools that only other entries use. */
export const OPTIONAL_PEERS = [
  'ioredis',
  'redis',
  'pg',
  '@electric-sql/pglite',
  '@nestjs/graphql',
  'graphql',
  '@nestjs/websockets',
  '@nestjs/microservices',
  '@nestjs/swagger',
  '@nestjs/platform-fastify',
  'prom-client',
  '@opentelemetry/api',
  'pino',
  'fastify',
] as const;

/** The HTTP framework that the consumers chose; the library reaches it through Nest alone. */
export const FRAMEWORK_OF_THE_CONSUMERS = ['@nestjs/platform-express', 'express'] as const;
