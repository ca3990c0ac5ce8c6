import { Controller, Get, Header } from '@nestjs/common';
import { Public, SecurityModule } from '@palisade/nest';
import type { Page, Response } from 'playwright-core';
import { startApplication, type RunningApplication } from '../support/application.js';

@Controller()
class Pages {
  @Get()
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return `<!doctype html>
<title>A page</title>
<form method="post"><input name="to" value="mallory"><input name="_csrf"><button>Send</button></form>`;
  }
}

/** Pages of whatever host the browser asks for: friends and foes of the application under test. */
export function startPages(): Promise<RunningApplication> {
  const directives = {
    connectSrc: ['http:'],
    formAction: ['http:'],
    // A page may frame what it likes, and write scripts into the frame.
    frameSrc: ["'self'", 'http:', 'https:'],
    upgradeInsecureRequests: false,
  };
  // With the default, no-referrer, browsers send `Origin: null` with forms: nobody could trust these pages.
  const headers = { contentSecurityPolicy: { directives }, referrerPolicy: 'strict-origin' } as const;
  return startApplication('express', {
    imports: [SecurityModule.forRoot({ profile: 'web', headers })],
    controllers: [Pages],
  });
}

/** Sends the form of a page to an address, as a visitor does who presses its button. */
export async function sendForm(page: Page, action: string, fields: Record<string, string> = {}): Promise<Response> {
  await page.locator('form').evaluate((form, address) => form.setAttribute('action', address), action);
  for (const [name, value] of Object.entries(fields)) await page.locator(`input[name="${name}"]`).fill(value);
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.locator('button').click();
  return answered;
}

/** How a script of a page calls. */
interface Call {
  readonly method?: string;
  readonly mode?: 'no-cors';
  readonly credentials?: 'include';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a script of a page gets of an answer. */
export type Fetched =
  | { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Record<string, string> }
  | { readonly refused: string };

/** Calls an address by a script of the page. */
export function fetchFrom(page: Page, address: string, call: Call = {}): Promise<Fetched> {
  return page.evaluate(
    async ([url, options]) => {
      try {
        const answer = await fetch(url, options);
        const text = await answer.text();
        return {
          status: answer.status,
          body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
          headers: Object.fromEntries(answer.headers),
        };
      } catch (error) {
        return { refused: (error as Error).name };
      }
    },
    [address, call] as const,
  );
}
