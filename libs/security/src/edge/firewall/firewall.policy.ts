import type { ApplicationFunctionError } from '../../core/application-functions.js';
import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import type { EdgeRequest } from '../edge.request.js';
import { reportingAccept } from './accept.js';
import { parseByteSize, refusedLength } from './body-limit.js';
import { carriesBody, compileContentTypes, type BodyHead, type ContentTypePolicy } from './content-type.policy.js';
import { refusedBody, type BodyBounds } from './body.policy.js';
import type { ResolvedFirewall } from './firewall.options.js';
import { compileHeaderFields, isParserStrict, type HeaderFieldsPolicy } from './header-fields.policy.js';
import { compileParameters, type ParametersPolicy } from './parameters.policy.js';
import { compileTarget, type TargetPolicy } from './target.policy.js';

/** What a route accepts as a body. */
export interface BodyRules {
  /** In bytes. */
  readonly limit: number;
  readonly contentType: ContentTypePolicy;
}

/** What a route says of its bodies by `@BodyLimit` and `@ContentTypes`; what it leaves out is the application's. */
export interface DeclaredBodyRules {
  readonly bodyLimit?: number | string | undefined;
  readonly contentTypes?: readonly string[] | undefined;
}

/** Compiles what a route says of its bodies over what holds for all; the values must have been checked. */
export function compileBodyRules({ bodyLimit, contentTypes }: DeclaredBodyRules, base: BodyRules): BodyRules {
  return {
    // What is no size was refused by the check; were it not, no body would be taken (fails closed).
    limit: bodyLimit === undefined ? base.limit : (parseByteSize(bodyLimit) ?? 0),
    contentType: contentTypes === undefined ? base.contentType : compileContentTypes(contentTypes),
  };
}

const MALFORMED = denied('header_malformed');

/** The rules of the firewall, compiled once, asked for every request. */
export class Firewall {
  /** The rules of routes that say nothing of their own. */
  readonly body: BodyRules;

  private readonly target: TargetPolicy;
  private readonly parameters: ParametersPolicy;
  private readonly headerFields: HeaderFieldsPolicy;
  private readonly bounds: BodyBounds;

  /** @param report told when a function of the application fails */
  constructor(firewall: ResolvedFirewall, report: (failure: ApplicationFunctionError) => void = () => undefined) {
    const { headers, parameters } = firewall;
    const accepting = <T extends typeof headers | typeof parameters>(part: T, name: string): T => ({
      ...part,
      accept: reportingAccept(part.accept, `firewall.${name}.accept`, report),
    });
    this.target = compileTarget(firewall);
    this.parameters = compileParameters({ ...firewall, parameters: accepting(parameters, 'parameters') });
    this.headerFields = compileHeaderFields(accepting(headers, 'headers'));
    this.bounds = firewall.json;
    this.body = { limit: firewall.bodyLimit, contentType: compileContentTypes(firewall.contentTypes) };
  }

  /** Method, target, parameters and header fields: before routing. */
  decide(request: EdgeRequest): Decision {
    const { method, url } = request;
    // Without a version there are no header fields either: HTTP/0.9, which Node still takes.
    if (request.httpVersionMajor < 1) return MALFORMED;
    const target = this.target(method, url);
    if (!target.allowed) return target;
    const parameters = this.parameters(url as string);
    if (!parameters.allowed) return parameters;
    // A proxy of HTTP/1.0 in front has seen the message end elsewhere (RFC 9112, section 6.1).
    if (isHttp10(request) && request.headers['transfer-encoding'] !== undefined) return MALFORMED;
    return this.headerFields(request.rawHeaders, isParserStrict(request));
  }

  /** The declared type and length of the body: before it is read. */
  decideBody(request: BodyHead, rules: BodyRules = this.body): Decision {
    if (!carriesBody(request)) return ALLOWED;
    const length = refusedLength(request.headers, rules.limit);
    return length.allowed ? rules.contentType(request.headers['content-type'], true) : length;
  }

  /** The body as its parser has made it. */
  decideParsedBody(body: unknown): Decision {
    return refusedBody(body, this.bounds);
  }
}

function isHttp10({ httpVersionMajor, httpVersionMinor }: EdgeRequest): boolean {
  return httpVersionMajor === 1 && httpVersionMinor === 0;
}
