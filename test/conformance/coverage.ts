/** The cases that are run: by specification, and there by the application that they are given. */
export const COVERED = {
  abuse: {
    first: ids('ban-01'),
    /** Before each, two bad requests of the same client. */
    banned: ids('ban-02 ban-03'),
    reset: ids('ban-04'),
    counting: ids('ban-05'),
    safe: ids('ban-06'),
  },
  access: {
    protected: ids(
      'bearer-01 bearer-03 bearer-04 bearer-06 bearer-08 bearer-10 bearer-11 bearer-13 bearer-22 bearer-23 bearer-24',
      'bearer-25 bearer-37 authz-04 authz-05 authz-10',
    ),
    realm: ids('bearer-02'),
    query: ids('bearer-16 bearer-17'),
    form: ids('bearer-19 bearer-20 bearer-21'),
    accessTokensOnly: ids('bearer-32'),
    tolerant: ids('bearer-33'),
    issuers: ids('bearer-28 bearer-29'),
    denyAll: ids('bearer-26 authz-07'),
    session: ids('bearer-27'),
    nested: ids('authz-13'),
  },
  /** Beside the sample's token endpoint. */
  tokenEndpoint: { sample: ids('fa-09 fa-10 fa-12') },
  clientAddress: {
    oneHop: ids('ip-02'),
    tenHops: ids('ip-04'),
    stranger: ids('ip-05'),
    known: ids('ip-06'),
    loopback: ids('ip-07'),
  },
  cors: {
    credentials: ids('cors-01 cors-02 cors-03 cors-04 cors-05'),
    wildcard: ids('cors-06 cors-07 cors-15a cors-15b cors-16'),
    listed: ids('cors-09 cors-28 cors-29 cors-34 cors-35 cors-37 cors-38'),
    getOnly: ids('cors-12 cors-13'),
    expression: ids('cors-17 cors-18 cors-19 cors-21'),
    subdomains: ids('cors-23'),
    varyingWithCredentials: ids('cors-26'),
    varying: ids('cors-27'),
    privateNetwork: ids('cors-30 cors-31 cors-32'),
    publicNetwork: ids('cors-33'),
    banned: ids('cors-39'),
    protected: ids('cors-41'),
  },
  csrf: {
    protection: ids('csrf-02 csrf-03 csrf-06 csrf-07 csrf-10 csrf-11 csrf-12'),
    trusting: ids('csrf-13 csrf-15 csrf-16'),
    exempting: ids('csrf-17 csrf-18'),
    tokens: ids('csrf-19 csrf-20 csrf-21'),
  },
  firewall: {
    strict: ids(
      'fw-01 fw-03 fw-05 fw-06 fw-10 fw-11 fw-12 fw-14 fw-17 fw-22 fw-23 fw-24 fw-25 fw-26 fw-27 fw-28 fw-29 fw-31 fw-32',
      'fw-34 fw-35 fw-36 fw-38 fw-40 fw-42 fw-43 fw-49 fw-53 fw-55',
    ),
    semicolon: ids('fw-50'),
    encodedSlash: ids('fw-51'),
    hosts: ids('fw-52'),
  },
  headers: {
    web: ids('hdr-01 hdr-03 hdr-04 hdr-05 hdr-06 hdr-08 hdr-09 hdr-10 hdr-12 hdr-18'),
    api: ids('hdr-13 hdr-16'),
    logout: ids('hdr-17'),
    hsts: ids('hsts-01 hsts-09'),
    forgetting: ids('hsts-03'),
    preloading: ids('hsts-04'),
    excluding: ids('hsts-11'),
  },
  hosts: {
    /** Each with the list of hosts that it names. */
    listed: ids(
      'host-02 host-03 host-06 host-07 host-09 host-10 host-11 host-12 host-13 host-14 host-15 host-18 host-19 host-20',
      'host-21 host-23 host-25 host-28 host-31 host-34 host-36 host-37 host-39 host-41 host-43 host-44 host-45',
    ),
    unlisted: ids('host-04'),
  },
  https: {
    redirecting: ids('https-04 https-06 https-08'),
    encrypted: ids('https-01'),
    temporary: ids('https-10'),
    permanent: ids('https-11'),
    moved: ids('https-12'),
    withoutPort: ids('https-14'),
    mapped: ids('https-16'),
    proxied: ids('https-18'),
  },
  limits: { small: ids('body-01 body-02 body-03') },
  rateLimits: {
    first: ids('rl-02'),
    last: ids('rl-03'),
    problem: ids('rl-05'),
    several: ids('rl-06'),
    quoted: ids('rl-08'),
    tighter: ids('rl-09'),
    both: ids('rl-10'),
    skipped: ids('rl-11'),
    undeclared: ids('rl-12'),
    samePartition: ids('rl-13'),
    subnet: ids('rl-16'),
    mapped: ids('rl-17'),
    storeAway: ids('rl-20'),
    preflight: ids('rl-21'),
    redirect: ids('rl-22'),
    abusive: ids('rl-24'),
    rotating: ids('ip-08'),
  },
} as const;

function ids(...lines: readonly string[]): readonly string[] {
  return lines.join(' ').split(' ');
}
