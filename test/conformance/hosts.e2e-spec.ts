import { Controller, Get } from '@nestjs/common';
import { expect } from '@jest/globals';
import { Public } from '@palisade/nest';
import { caseNamed } from './cases.js';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup } from './edge.js';

@Controller()
@Public()
class Home {
  @Get()
  home() {
    return {};
  }
}

/** The list that a case names in words: `allowed hosts ['example.com', '[::1]']`. */
function hostsOf(id: string): readonly string[] {
  const list = /allowed hosts \[(.*)\]/.exec(caseNamed(id).given)?.[1] ?? '';
  const hosts = [...list.matchAll(/'([^']+)'/g)].map(([, host]) => host as string);
  if (hosts.length === 0) throw new Error(`Case ${id} names no hosts`);
  return hosts;
}

const byHosts = new Map<string, string[]>();
for (const id of COVERED.hosts.listed) {
  const hosts = JSON.stringify(hostsOf(id));
  byHosts.set(hosts, [...(byHosts.get(hosts) ?? []), id]);
}

describeConformance(
  'hosts',
  { ...Object.fromEntries(byHosts), unlisted: COVERED.hosts.unlisted },
  {
    ...Object.fromEntries(
      [...byHosts.keys()].map((hosts): [string, CaseSetup] => [
        hosts,
        {
          subject: { security: { hosts: JSON.parse(hosts) as string[] }, controllers: [Home] },
          // No answer repeats a host that was refused, or one that was only said to be.
          check: ({ text, headers }) => expect(text + JSON.stringify(headers)).not.toMatch(/evil|frankenstein|recover/),
        },
      ]),
    ),
    unlisted: { subject: { security: {}, controllers: [Home] }, refused: { hosts: hostsOf('host-04') } },
  },
);
