/** A test that holds a row: the specification without its ending, and the sentence of the test. */
export type Shown = readonly [specification: string, sentence: string];

// With every part switched on.
const headers: Shown = ['test/promises/every-answer', '%s carries the headers, tells no version, and repeats no value'];
const reports: Shown = ['test/promises/every-answer', 'a violation that a browser reports becomes an event'];
const limitTold: Shown = [
  'test/promises/log-in-under-attack',
  'a client that obeys Retry-After is served, and one that comes a second earlier is not',
];
const guessing: Shown = [
  'test/promises/log-in-under-attack',
  'an address that guesses is locked, then limited or banned, and told the truth about when to come back',
];
const owner: Shown = [
  'test/promises/log-in-under-attack',
  'the owner signs in from where they have before, whatever comes from other addresses, and acts',
];
const whichAccounts: Shown = ['test/promises/log-in-under-attack', 'lockout tells nothing of which accounts there are'];
const furtherGuesses: Shown = [
  'test/promises/log-in-under-attack',
  'a spelling of the name, a forged address or the page of another site gives no further guesses',
];
const unsafe: Shown = ['test/promises/other-sites', 'an unsafe request of %s is answered as its marks deserve'];
const forms: Shown = ['test/promises/other-sites', 'a form of another site in %s is refused, however it is sent'];
const safe: Shown = [
  'test/promises/other-sites',
  'a safe request of another site is served with the cookie, and cannot be read',
];
const preflights: Shown = [
  'test/promises/other-sites',
  'a preflight says what the request behind it meets, for each origin and route',
];
const readable: Shown = [
  'test/promises/other-sites',
  'errors of every stage can be read by the page that is allowed to, and by no other',
];
const notBanned: Shown = [
  'test/promises/other-sites',
  'whoever is made to send such requests by another site is not banned for it',
];
const claimed: Shown = ['test/promises/words-of-a-client', '%s neither lifts its limit nor has others banned'];
const subnet: Shown = [
  'test/promises/words-of-a-client',
  'an IPv6 network is one client, and every spelling of an address is the same',
];
const elsewhere: Shown = ['test/promises/words-of-a-client', '%s leads nobody elsewhere'];
const noProxy: Shown = [
  'test/promises/words-of-a-client',
  'nobody is believed to be a proxy who is not configured as one',
];
const stillBanned: Shown = [
  'test/promises/words-of-a-client',
  'no limit, lock or ban is escaped by another path, method or host',
];
const access: Shown = ['test/promises/who-may', '%s asks first who calls, then what they may'];
const turnedAway: Shown = [
  'test/promises/who-may',
  'a caller whom a policy turns away learns nothing else, and the handler is not reached',
];
const tokens: Shown = [
  'test/promises/who-may',
  'a token with %s is nobody, in the header and in the cookie, also where anybody is served',
];
const ended: Shown = ['test/promises/who-may', 'a token is forgotten when it ends, though it was remembered'];
const twoCredentials: Shown = ['test/promises/who-may', 'two credentials are none'];
const masked: Shown = [
  'test/promises/who-may',
  'fields that a caller must not see are neither in an answer nor in an error',
];
const input: Shown = ['test/promises/who-may', '%s is refused'];
const failures: Shown = ['test/promises/fails-closed', '%s denies, blames nobody else, and is told of'];
const lookedUp: Shown = [
  'test/promises/fails-closed',
  'roles that the application looks up count at once, whatever the token says',
];
const handlerBroke: Shown = ['test/promises/fails-closed', 'a handler that breaks answers with a fixed text'];
const secrets: Shown = [
  'test/promises/secrets-and-caches',
  'those in %s, the query and the body are in no answer, event or line of the log',
];
const caches: Shown = ['test/promises/secrets-and-caches', 'keep no answer to a known caller under the profile %s'];
const noCache: Shown = ['test/promises/secrets-and-caches', 'keep nothing at all under the profile api'];
const dependencies: Shown = [
  'test/promises/coverage',
  'names every package that runs with all rights, and none besides',
];

/** Rows of docs/asvs.md by their requirement. */
export const REQUIREMENTS: Readonly<Record<string, readonly Shown[]>> = {
  '2.2.1': [input, ['test/e2e/validation', 'that breaks rules is refused by field, never with the value']],
  '2.2.2': [input],
  '3.4.1': [headers, ['test/e2e/https', 'sends HSTS: %s']],
  '3.4.2': [preflights, readable, ['libs/security/src/edge/cors/cors.options', 'may not be %s']],
  '3.4.3': [headers, ['test/e2e/headers', 'sends the nonce that @CspNonce() gives, and another for each request']],
  '3.4.4': [headers],
  '3.4.5': [headers],
  '3.4.6': [headers, ['test/e2e/headers', 'are a site’s under the profile web']],
  '3.4.7': [reports, ['test/e2e/headers', 'are asked for by both headers of the policy']],
  '3.4.8': [headers],
  '3.5.1': [unsafe, ['test/attacks/csrf-by-form', '(%s) logs nobody in as somebody else']],
  '3.5.2': [forms, headers],
  '3.5.8': [headers, safe],
  '3.7.4': [
    ['test/e2e/https', 'sends HSTS: %s'],
    ['libs/security/src/edge/https/https.options', 'are refused by name: %j'],
  ],
  '4.1.2': [headers, elsewhere, ['test/e2e/https', 'redirects to the same path and query: %s']],
  '4.1.3': [claimed, elsewhere, noProxy],
  '4.1.4': [headers, ['test/e2e/firewall', 'refuses the method %s']],
  '4.2.1': [['test/attacks/request-splitting', '(%s) is the last of its connection, and hides no other']],
  '5.2.1': [headers, ['test/attacks/oversized-bodies', '(%d bytes, declared) is refused before it is sent']],
  '6.3.1': [guessing, owner, furtherGuesses],
  '6.8.1': [tokens, ['test/e2e/bearer', 'hold for each issuer by itself']],
  '6.8.2': [tokens],
  '8.2.1': [access],
  '8.2.2': [turnedAway, ['test/e2e/access', 'is decided with its dependencies and the path']],
  '8.2.3': [masked, input],
  '8.3.1': [access],
  '9.1.1': [tokens],
  '9.1.2': [tokens],
  '9.1.3': [
    tokens,
    ['test/attacks/header-key-injection', 'behind an address (jku, x5u) is refused, and nothing is fetched'],
  ],
  '9.2.1': [tokens, ended],
  '9.2.2': [tokens],
  '9.2.3': [tokens],
  '10.3.1': [tokens],
  '10.3.2': [access, ['test/e2e/bearer', 'that lack a scope are answered with 403 and the scopes']],
  '10.3.3': [tokens, ['libs/security/src/authentication/jwt/jwt.claims', 'makes a principal of a subject alone']],
  '11.2.1': [tokens, dependencies],
  '11.4.1': [tokens, ['test/attacks/algorithm-confusion', 'is refused with %s']],
  '12.2.1': [headers, elsewhere],
  '13.4.4': [headers, ['test/e2e/firewall', 'refuses the method %s']],
  '13.4.6': [headers],
  '14.2.1': [twoCredentials, ['test/e2e/bearer', 'are not taken from the query, the body or a cookie']],
  '14.3.2': [caches, noCache, headers],
  '15.3.1': [masked],
  '15.3.3': [input],
  '15.3.4': [claimed, subnet, noProxy],
  '15.3.6': [input, ['test/attacks/prototype-pollution', 'in claims gives nobody a role']],
  '15.3.7': [twoCredentials, input],
  '16.2.5': [
    secrets,
    ['test/promises/every-answer', 'no event and no line of the log holds anything of what hostile requests carry'],
  ],
  '16.5.1': [headers, handlerBroke, secrets],
  '16.5.3': [failures],
  '3.5.3': [safe],
  '4.4.2': [
    ['test/e2e/edge', 'leaves upgrades to whoever listens for them'],
    ['test/e2e/transports', '(%s) is denied, whatever it asks for'],
  ],
  '8.3.2': [lookedUp],
  '8.4.1': [['libs/security/src/authentication/jwt/jwt.claims', 'makes a principal of all the claims']],
  '10.3.4': [['libs/security/src/authentication/jwt/jwt.claims', 'makes a principal of all the claims']],
  '11.2.3': [
    ['libs/security/src/core/weak-secret', 'finds %s weak'],
    ['test/e2e/start-up', 'a weak secret stops the start, which elsewhere is warned of'],
  ],
  '14.3.1': [['test/e2e/headers', 'clears what may tell of the user, or what it names, over HTTPS']],
  '15.2.2': [headers, limitTold, ['test/attacks/slow-loris', '(%s) is cut off']],
  '16.3.1, 16.3.2, 16.3.3': [
    failures,
    guessing,
    ['test/e2e/access', 'tells every decision, allowed or denied, and no secret'],
  ],
};

/** Rows of the tables of docs/threat-model.md, and its trust boundaries, by what stands first in them. */
export const THREATS: Readonly<Record<string, readonly Shown[]>> = {
  'Network → HTTP server': [headers, input],
  'Proxy → application': [claimed, elsewhere, noProxy],
  "Page of another origin → application, by way of a user's browser": [unsafe, safe],
  'Credential → principal': [tokens, ['test/e2e/access', 'is not widened by what else writes to request.user']],
  'Principal → handler': [access],
  'Handler → client': [masked, headers],
  'Process → keys': [failures, ['test/attacks/kid-injection', '%j finds no key']],
  'Process → dependencies': [dependencies],

  'a `Host` that links, mails or caches are built from leads to the attacker': [headers, elsewhere],
  'a redirect to HTTPS leads to another host': [
    elsewhere,
    ['test/attacks/open-redirect-through-host', 'for target %s leads to no other host'],
  ],
  'a client writes its own address, scheme or host': [claimed, elsewhere, noProxy],
  'a route that takes plain HTTP lets others be reached without TLS': [
    ['test/attacks/http-exemption-of-another-route', 'opens no other by way of %s'],
  ],
  'an origin that looks like one that is allowed': [
    preflights,
    ['test/attacks/cors-origin-suffix-and-prefix', '(%j) reads no answer, and gets no leave to change anything'],
  ],
  'CORS fields of somebody else (`enableCors`, `cors()`, a handler) let an origin in that `cors` does not': [
    ['test/attacks/cors-leftovers', 'lets in nobody more: $writer beside $setting'],
  ],
  'the origin `null`': [
    preflights,
    unsafe,
    ['test/attacks/cors-null-origin', '(%j) reads no answer and is never asked about'],
  ],
  'leave that one route gives to other origins opens another': [
    preflights,
    ['test/attacks/preflight-of-another-route', 'opens no other by way of %s'],
  ],
  'another site makes the browser of a user send a request': [unsafe, forms, furtherGuesses],
  'a field that one reader cuts at white space and another does not': [
    twoCredentials,
    ['test/attacks/odd-white-space', 'makes another value of it: %s in %s'],
  ],
  'a request whose end two readers see in different places': [
    ['test/attacks/request-splitting', '(%s) is the last of its connection, and hides no other'],
  ],
  'a path that climbs, or that two readers understand differently': [
    headers,
    ['test/attacks/encoded-traversal', '(%s) reaches nothing that reads files'],
  ],
  'a path that the router decodes and middleware does not': [
    ['test/attacks/fastify-path-bypass', '(%s) opens nothing to anybody, and passes the edge'],
  ],
  'a body that is too large, declared, in chunks, or once it is unpacked': [
    headers,
    ['test/attacks/oversized-bodies', '(%s) is refused as soon as it passes the limit'],
  ],
  'connections that are held open by being slow': [['test/attacks/slow-loris', '(%s) is cut off']],
  'what falls between two parts: a body while a resolver is asked, a route that was guessed, versions, HTTP/1.0': [
    ['test/attacks/edge-gaps', 'a body that arrives while a resolver of origins is asked is counted'],
    ['test/attacks/edge-gaps', 'HTTP/1.0 with chunks, and HTTP/0.9, are refused with all that comes behind'],
  ],
  'a decorator replaces the class that rules were written on': [
    ['test/attacks/replaced-classes', 'hold above and below %s'],
  ],
  'a second copy of the package in the process: rules that nobody reads, callers that nobody knows': [
    ['test/attacks/second-copy', 'hold as those of the first'],
    ['test/attacks/second-copy', 'and stops where both have forRoot'],
  ],
  'an application below another, past its own rules': [
    ['test/attacks/application-below-another', 'answers %s as it does alone'],
  ],
  'a flood of reports of violations': [
    ['test/attacks/csp-report-flood', 'from one address stops being listened to'],
    ['test/attacks/csp-report-flood', 'does not slow down anything else'],
  ],
  'bytes that nobody thought of': [
    ['test/attacks/any-request', 'is answered in time, and never by an error of the server'],
  ],

  'a client writes another address each time, or uses all of its IPv6 network': [claimed, subnet],
  'one path in many spellings has many quotas': [
    stillBanned,
    ['test/attacks/rate-limit-path-variants', 'spends one quota'],
  ],
  'a limit is lifted, shared or answered with an error by how it is declared or asked': [
    ['test/attacks/rate-limit-gaps', 'hold where a handler names one that its class is spared'],
    [
      'test/attacks/rate-limit-gaps',
      'count a tracker that is no text as text, and do not take it for a store that fails',
    ],
  ],
  'a burst at the edge of a window, at the same moment, or after the clock was put back': [
    limitTold,
    ['test/attacks/burst-at-the-edge-of-a-window', 'gets nothing for a clock that was put back (%s)'],
  ],
  'downloads and streams that are held open, or left again and again': [
    ['test/attacks/held-connections', 'has its own places taken, and nobody else is kept out: %s'],
  ],
  'one GraphQL operation calls what is limited a hundred times, under aliases': [
    ['test/attacks/graphql-aliased-login', 'has as many attempts as if it were a hundred requests'],
  ],
  'the operations of a batch do': [
    ['test/attacks/graphql-batched-login', 'has as many attempts as if it were a hundred requests'],
  ],
  'the aliases come from fragments': [
    ['test/attacks/graphql-aliases-in-fragments', 'has as many attempts as elsewhere: %s'],
  ],
  'requests that take longer than there is time for them': [
    ['test/e2e/load-shedding', 'sheds the routes that matter least first, and critical ones never'],
  ],
  'failed log-ins that no limiter sees': [
    guessing,
    ['test/e2e/rate-limiting', 'count failed authentications by address, before they are looked at'],
  ],
  'the shared store is away': [
    failures,
    ['libs/security/src/rate-limiting/resilient.store', 'does not ask it any more, and says so once'],
  ],
  'clients without number fill the memory': [
    ['libs/security/src/rate-limiting/bounded-clients', 'never keeps more than its maximum, of all limits together'],
  ],

  'a list of stolen passwords, from one address or many, at once or one after the other': [
    guessing,
    ['test/attacks/credential-stuffing', 'tried from a thousand addresses is looked at twenty times an account'],
    ['test/attacks/credential-stuffing', 'tried at once is looked at no more often'],
  ],
  'somebody has an account locked for its owner': [owner],
  'lockout tells which accounts there are': [whichAccounts],
  'a client that is banned comes under another address, path or method': [stillBanned, claimed, subnet],
  'a path that is watched is asked for in another spelling': [
    stillBanned,
    ['test/attacks/path-rule-spellings', 'bans who asks for a honeypot, %s'],
  ],
  'somebody has others banned, by their address or by their browsers': [claimed, notBanned],

  'guesses at an account, from anywhere, with all other controls on': [
    owner,
    ['test/attacks/denied-for-somebody-else', '%s, and the owner is served where they have signed in before'],
  ],
  'uses other spellings of a name, the address or the browser of somebody': [furtherGuesses, claimed, notBanned],
  'fills what is counted by address, by principal or by place': [
    claimed,
    ['test/attacks/denied-for-somebody-else', 'holds its places, and the owner has their own'],
  ],
  'floods the reports of violations': [
    ['test/attacks/csp-report-flood', 'does not slow down anything else'],
    ['test/attacks/denied-for-somebody-else', '%s, and the owner is served where they have signed in before'],
  ],
  'comes as so many clients that the memory is full': [
    ['libs/security/src/rate-limiting/bounded-clients', 'forgets the one who has taken the least'],
  ],

  'an unsigned token (`alg: none`, in any spelling)': [tokens],
  'a public key used as an HMAC secret': [tokens],
  '`kid` that names a file, a query or a prototype property': [['test/attacks/kid-injection', '%j finds no key']],
  'a token that brings its key (`jwk`, `x5c`) or says where it is (`jku`, `x5u`)': [
    tokens,
    ['test/attacks/header-key-injection', 'as a certificate chain (x5c) is refused'],
  ],
  'a token used outside its time': [tokens, ended],
  'a token of another issuer, or for another audience': [tokens],
  'claims of types that the code does not expect': [tokens, ['test/attacks/claim-types', '%j is refused']],
  'another kind of token (an ID token, a logout token) used as an access token': [tokens],
  'header lines that are garbage, huge, or repeated': [
    twoCredentials,
    ['test/attacks/authorization-header-garbage', 'of any printable bytes is a clear 4xx, and never echoed'],
  ],
  'a sibling domain plants a cookie that is taken for that of the application': [
    twoCredentials,
    ['test/attacks/cookie-planting', 'signs nobody in as the attacker'],
  ],
  'the token shows in access logs, in `Referer`, in an error': [secrets, twoCredentials],
  'verified tokens are remembered for too long, or without bound': [
    ended,
    ['libs/security/src/authentication/jwt/verified-token-cache', 'never holds more than its maximum'],
  ],

  'a shared secret that can be guessed': [
    ['test/e2e/start-up', 'a weak secret stops the start, which elsewhere is warned of'],
    ['libs/security/src/core/weak-secret', 'finds %s weak'],
  ],
  'a key of one issuer signs for another': [
    ['test/attacks/foreign-issuer-and-audience', 'of %s is refused'],
    ['test/e2e/bearer', 'hold for each issuer by itself'],
  ],
  'a key is withdrawn, its tokens live on': [
    ['test/e2e/bearer', 'are withdrawn at once, remembered tokens included, and the change is told'],
  ],
  'secrets in messages of configuration': [['test/e2e/start-up', 'never show a secret in the message']],

  'a handler without a decorator': [
    access,
    ['test/e2e/start-up', 'denies by default everything that has no rule when told so'],
  ],
  '`@Public` and a requirement on one handler': [['test/e2e/start-up', 'for @Public with @Roles']],
  'a misspelt role, scheme or option': [
    ['test/e2e/start-up', 'for a role that nobody declared, with the nearest one'],
    ['test/e2e/start-up', 'for a scheme that is neither configured nor registered'],
    ['libs/security/src/core/options.rules', 'that are unknown are named with the nearest known one'],
  ],
  "an inherited or same-named handler that takes another's rules": [
    ['test/e2e/precedence', 'does not share an inherited handler between two classes'],
    ['test/e2e/precedence', 'does not mix up two controllers of one name'],
  ],
  'a strategy that calls `pass()`, or yields a user without an id': [
    ['test/e2e/passport', 'that calls pass() is a 401, not a request without a user'],
    ['test/e2e/passport', 'whose user has no identifier is a 401'],
  ],
  'a policy that throws': [failures],
  'a handler of another transport': [
    ['test/e2e/transports', '(%s) is denied, whatever it asks for'],
    ['test/e2e/graphql/start-up', 'denies what no request that passed the edge is behind, public or not'],
  ],
  'a field for anybody beside one that is not, in one GraphQL operation': [
    ['test/attacks/graphql-anonymous-beside-known', 'learns nothing of who calls the other'],
  ],
  'a rule on a GraphQL field for which no guard is run': [
    ['test/e2e/graphql/parts', 'with rules of their own stop the start where no guard would be run for them'],
  ],
  'encoded paths, doubled slashes, another letter case': [
    ['test/attacks/path-variants', '(%s %s) reaches no handler past its rules'],
  ],
  'a caller widens its own rights by changing `request.user`': [
    ['test/e2e/access', 'is not widened by what else writes to request.user'],
  ],

  'properties that the handler did not ask for': [input],
  '`__proto__`, `constructor` or `prototype` in a body or in claims': [
    input,
    ['test/attacks/prototype-pollution', 'in claims gives nobody a role'],
  ],
  'a body that is no JSON, or not the declared type': [
    headers,
    ['test/attacks/malformed-bodies', 'under %s is refused, or read as the JSON that it is'],
  ],
  'a body that is too large or too deep': [
    headers,
    ['libs/security/src/validation/validation.policy', 'refuse JSON of a million levels without running out of stack'],
  ],
  'values repeated in the answer to a bad request': [headers, secrets],

  'a secret field of an entity reaches the client': [
    masked,
    ['test/e2e/masking', 'are masked however the handler answers: %s'],
  ],
  'a field reaches callers who must not see it': [
    masked,
    ['test/e2e/masking', 'show to a caller with the role %s what the role may see, through the hierarchy'],
  ],
  'an answer to a denied request tells something': [headers, access, secrets],
};
