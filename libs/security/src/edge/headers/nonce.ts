import { randomFillSync } from 'node:crypto';

/** 128 bits, what CSP Level 3 (section 7.1) asks of a nonce at least. */
const NONCE_BYTES = 16;

/**
 * Makes nonces for Content-Security-Policy. Random bytes are drawn for many of them at once, as a call to the generator
 * costs far more than the bytes; no byte serves twice.
 */
export class NoncePool {
  private readonly bytes: Buffer;
  private next: number;

  /** `size` nonces are drawn at once; `fill` overwrites the whole buffer with random bytes. */
  constructor(
    size = 256,
    private readonly fill: (bytes: Buffer) => unknown = randomFillSync,
  ) {
    this.bytes = Buffer.alloc(size * NONCE_BYTES);
    // Drawn with the first nonce, not before: a process that is started from a snapshot must not share them.
    this.next = this.bytes.length;
  }

  /** 128 random bits in base64, 24 characters. */
  take(): string {
    if (this.next >= this.bytes.length) {
      // What throws here leaves the pool empty: no nonce is better than an old one (fails closed).
      this.fill(this.bytes);
      this.next = 0;
    }
    const from = this.next;
    this.next += NONCE_BYTES;
    return this.bytes.toString('base64', from, this.next);
  }
}
