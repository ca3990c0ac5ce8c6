/** What is metered: Node's request, of HTTP/1 or HTTP/2. */
export interface MeteredBody {
  /** Bytes that have arrived and wait to be read. */
  readonly readableLength?: number;
  push(chunk: unknown, encoding?: BufferEncoding): boolean;
}

/**
 * Counts the bytes of a body that declares no length, and calls `exceeded` once, when they pass the limit. Unless that
 * answers `true`, what is over the limit, its end included, reaches no parser: it must then have answered, and close the
 * connection. Set before anything of the body is read, what waits already is counted; a body of declared length needs none, as Node reads no more of it.
 */
export function meterBody(body: MeteredBody, limit: number, exceeded: () => boolean): void {
  const push = body.push.bind(body);
  let received = body.readableLength ?? 0;
  let isOver = false;
  let passes = true;
  body.push = (chunk, encoding) => {
    if (!isOver && chunk !== null && chunk !== undefined) {
      received += (chunk as Uint8Array).length;
      // What has no length makes NaN (fails closed).
      if (!(received <= limit)) {
        isOver = true;
        passes = exceeded();
      }
    }
    // Reading goes on, into nothing: a client that is still sending would miss an answer that resets the connection.
    return passes ? push(chunk, encoding) : true;
  };
}
