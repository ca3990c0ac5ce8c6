import autocannon from 'autocannon';

export const CONNECTIONS = 10;

export interface Load {
  readonly port: number;
  readonly path: string;
  /** Sent in turn; with as many tokens as requests each is sent once. */
  readonly tokens?: readonly string[];
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly requests: number;
  /** What every answer must be, so that nobody measures an error path. */
  readonly body: string;
}

/** Sends the requests over a few connections that are kept open and answers with the seconds it took. */
export function send({ port, path, tokens, headers, requests, body }: Load): Promise<number> {
  return new Promise((resolve, reject) => {
    let started = 0;
    let ended = 0;
    let connection = 0;
    const tracker = autocannon(
      {
        url: `http://127.0.0.1:${port}`,
        connections: CONNECTIONS,
        amount: requests,
        // It looks whether it is done once every so often; the time is taken from the answers below.
        sampleInt: 10,
        timeout: 20,
        bailout: 1,
        expectBody: body,
        setupClient: (client) => {
          if (tokens === undefined) return client.setRequests([{ method: 'GET', path, headers: { ...headers } }]);
          const share = shareOf(tokens, connection++);
          client.setRequests(
            share.map((token) => ({
              method: 'GET',
              path,
              headers: { ...headers, authorization: `Bearer ${token}` },
            })),
          );
        },
      },
      (error, result) => {
        if (error !== null) return reject(error);
        const { errors, mismatches, non2xx } = result;
        if (errors + mismatches + non2xx > 0 || result['2xx'] !== requests) {
          return reject(
            new Error(
              `${path}: of ${requests} requests ${result['2xx']} were answered with 2xx, ${non2xx} otherwise; ` +
                `${mismatches} bodies were not the expected one; ${errors} errors`,
            ),
          );
        }
        resolve((ended - started) / 1000);
      },
    );
    tracker.on('start', () => (started = performance.now()));
    tracker.on('response', () => (ended = performance.now()));
  });
}

/** Every connection sends tokens of its own; where there are too few, all connections send the same. */
function shareOf(tokens: readonly string[], connection: number): readonly string[] {
  if (tokens.length < CONNECTIONS) return tokens;
  return tokens.filter((_, index) => index % CONNECTIONS === connection);
}
