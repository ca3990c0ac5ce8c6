import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunningLedger, type Answer } from '../e2e/ledger.harness.js';
import { ADAPTERS } from '../support/application.js';
import { caseNamed } from './cases.js';
import { DECIDED } from './decisions.js';

/** Beside what the password of the case stands for, the endpoint of the sample asks for `grant_type`. */
const GRANT = 'grant_type=password';

describe.each(ADAPTERS)('Conformance of the token endpoint on %s', (adapter) => {
  let ledger: RunningLedger;
  beforeAll(async () => {
    ledger = await RunningLedger.start({ ADAPTER: adapter });
  });
  afterAll(() => ledger.stop());

  const formOf = (id: string): string => {
    const { request } = caseNamed(id);
    return request.body_sent ?? request.body ?? '';
  };
  const expectError = (answer: Answer, error: string) => {
    expect(answer.body.error).toBe(error);
    expect(answer.headers['content-type']).toContain('application/json');
  };

  it('fa-09: asks for grant_type', async () => {
    const answer = await ledger.signIn(formOf('fa-09'));
    expect(answer.status).toBe(DECIDED['fa-09']?.expect?.status);
    expectError(answer, 'invalid_request');
  });

  it('fa-10: takes grant_type as it is, without prefixes', async () => {
    const answer = await ledger.signIn(formOf('fa-10'));
    expect(answer.status).toBe(DECIDED['fa-10']?.expect?.status);
    expectError(answer, 'unsupported_grant_type');
  });

  it('fa-12: answers an unknown user and a wrong password alike', async () => {
    const unknown = await ledger.signIn(`${GRANT}&${formOf('fa-12')}`);
    const wrong = await ledger.signIn(`${GRANT}&username=alice&password=not-the-one`);
    expect(unknown.status).toBe(caseNamed('fa-12').expect.status);
    expectError(unknown, 'invalid_grant');
    expect(wrong.status).toBe(unknown.status);
    expect(wrong.text).toBe(unknown.text);
  });
});
