/** What the benchmark uses of autocannon, which ships no types. */
declare module 'autocannon' {
  interface AutocannonRequest {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  }

  interface AutocannonClient {
    setRequests(requests: readonly AutocannonRequest[]): void;
  }

  interface AutocannonOptions {
    readonly url: string;
    readonly connections: number;
    readonly amount: number;
    /** Milliseconds. */
    readonly sampleInt: number;
    /** Seconds. */
    readonly timeout: number;
    readonly bailout: number;
    readonly expectBody: string;
    readonly setupClient: (client: AutocannonClient) => void;
  }

  interface AutocannonResult {
    readonly errors: number;
    readonly mismatches: number;
    readonly non2xx: number;
    readonly '2xx': number;
  }

  interface AutocannonTracker {
    on(event: 'start' | 'response', listener: () => void): this;
  }

  export default function autocannon(
    options: AutocannonOptions,
    done: (error: Error | null, result: AutocannonResult) => void,
  ): AutocannonTracker;
}
