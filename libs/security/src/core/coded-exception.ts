import { HttpException } from '@nestjs/common';

export type CodedException = HttpException & { readonly code: string };

/** The library's exceptions: their body has the code that they have themselves. */
export function isCoded(error: unknown): error is CodedException {
  if (!(error instanceof HttpException)) return false;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && (error.getResponse() as { code?: unknown }).code === code;
}

/** Whole seconds until another attempt makes sense, where the exception says so in milliseconds. */
export function secondsToWait(error: CodedException): number | undefined {
  const { retryAfter } = error as { retryAfter?: unknown };
  return typeof retryAfter === 'number' && Number.isFinite(retryAfter)
    ? Math.max(1, Math.ceil(retryAfter / 1000))
    : undefined;
}
