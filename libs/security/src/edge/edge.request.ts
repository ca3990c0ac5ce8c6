import type { IncomingHttpHeaders } from 'node:http';

/** What the edge reads of Node's request (HTTP/1.1 or HTTP/2), whatever framework stands behind it. */
export interface EdgeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor?: number | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came: the one place where a repeated `Host` shows. */
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined };
}
