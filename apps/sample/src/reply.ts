/** What the answers of Express and Fastify have in common. */
export interface Reply {
  header(name: string, value: string): unknown;
}
