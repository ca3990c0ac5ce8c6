export { graphql } from './graphql.transport.js';
