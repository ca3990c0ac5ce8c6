import { isThenable } from '../../core/application-functions.js';
import { isRecord } from '../../core/options.rules.js';

/** A value that is often given in place of a key, and the text that mends it. No text repeats the value. */
export interface KeyMistake {
  readonly problem: string;
  readonly fix: string;
}

export const FIX_PUBLIC =
  'Give the public key as PEM text (SPKI, PKCS #1 or a certificate), as a JWK or as a KeyObject';
const FIX_REMOTE =
  "Keys of an identity provider are fetched by jose: import { createRemoteJWKSet } from 'jose', and write key: createRemoteJWKSet(new URL('https://…/jwks.json'))";
const FIX_VARIABLE =
  'Set the environment variable before the process starts; with ConfigService, config.getOrThrow() fails where it is missing';

/** The texts that `undefined` and its like become in templates, in Docker files and by `String()`. */
const NOT_SET: ReadonlySet<string> = new Set(['undefined', 'null', 'NaN', '[object Object]', '[object Promise]']);

const PEM = '-----BEGIN ';
/** "-----BEGIN " in base64. */
const PEM_IN_BASE64 = 'LS0tLS1CRUdJTi';
/** DER of a public key begins with a SEQUENCE of more than 127 bytes, or of a short elliptic curve key. */
const DER_IN_BASE64 = /^(?:MII[A-Za-z0-9]|MF[kw]w|MH[YQ]w|MIG[a-z]|MCow)[A-Za-z0-9+/=\s]{40,}$/;

/** Names what was given in place of a public key, where it can be told. */
export function mistakeIn(key: unknown): KeyMistake | undefined {
  if (typeof key === 'string') return mistakeInText(key);
  if (key instanceof URL) return { problem: 'is a URL, not a key', fix: FIX_REMOTE };
  if (isThenable(key)) {
    return {
      problem: 'is a promise, not a key',
      fix: 'Await it in the factory of SecurityModule.forRootAsync, or give a function that answers with it: key: () => promise',
    };
  }
  if (!isRecord(key)) return undefined;
  // The result of generateKeyPair, of @nestjs/jwt's options and the like.
  if ('publicKey' in key)
    return { problem: 'is an object that holds a key', fix: 'Give its publicKey: key: pair.publicKey' };
  return undefined;
}

function mistakeInText(text: string): KeyMistake | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || NOT_SET.has(trimmed)) return notSet(trimmed);
  if (trimmed.includes(PEM)) return mistakeInPem(trimmed);
  if (/^https?:\/\//i.test(trimmed)) return { problem: 'is text and no PEM but a URL', fix: FIX_REMOTE };
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) {
    return { problem: 'is the text of a JWK or of a JWK Set', fix: 'Parse it: key: JSON.parse(text)' };
  }
  if (trimmed.startsWith(PEM_IN_BASE64)) {
    return {
      problem: 'is a PEM in base64',
      fix: "Decode it: key: Buffer.from(text, 'base64').toString('utf8')",
    };
  }
  if (/^(?:ssh-|ecdsa-sha2-)/.test(trimmed)) {
    return {
      problem: 'is a public key of OpenSSH',
      fix: 'Convert it to PEM: ssh-keygen -e -m PKCS8 -f key.pub',
    };
  }
  if (DER_IN_BASE64.test(trimmed)) {
    return {
      problem: 'is text and no PEM: the base64 of a key without its first and last line',
      fix: 'Write "-----BEGIN PUBLIC KEY-----", a line break, the text, a line break and "-----END PUBLIC KEY-----"',
    };
  }
  if (/^[\w./\\:~-]+\.(?:pem|key|pub|crt|cer|der|json|jwks?)$/i.test(trimmed)) {
    return {
      problem: 'is text and no PEM: the path of a file, it seems',
      fix: "Read the file: key: readFileSync(path, 'utf8')",
    };
  }
  return {
    problem: 'is text and no PEM',
    fix: `${FIX_PUBLIC}; a secret for HS256 is given as \`secret\`, by a function as bytes`,
  };
}

function mistakeInPem(text: string): KeyMistake | undefined {
  if (!text.startsWith(PEM) && /^["'`]/.test(text)) {
    return { problem: 'is a PEM in quotation marks', fix: 'Remove the marks from the value of the variable' };
  }
  if (!text.includes('\n')) {
    return {
      problem: 'is a PEM without line breaks',
      fix: text.includes('\\n')
        ? 'Environment variables often hold them as "\\n": use key.replaceAll("\\\\n", "\\n")'
        : 'Keep them: quote the variable where it is set, or hold the PEM in base64 and decode it',
    };
  }
  if (/-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(text)) {
    return {
      problem: 'is an encrypted private key, which holds no readable public key',
      fix: 'Give the public key, which whoever verifies needs alone: openssl pkey -in private.pem -pubout',
    };
  }
  return undefined;
}

/** Names a shared secret that stands for a variable that is not set. */
export function emptySecret(secret: unknown): KeyMistake | undefined {
  if (isThenable(secret)) {
    return { problem: 'is a promise, not a secret', fix: 'Await it in the factory of SecurityModule.forRootAsync' };
  }
  const text = typeof secret === 'string' ? secret : textOf(secret);
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  return trimmed === '' || NOT_SET.has(trimmed) ? notSet(trimmed) : undefined;
}

function notSet(text: string): KeyMistake {
  return {
    problem: text === '' ? 'is empty' : `is the text "${text}", which a variable that is not set becomes`,
    fix: FIX_VARIABLE,
  };
}

/** Bytes that are short enough to be one of the texts above. */
function textOf(secret: unknown): string | undefined {
  return secret instanceof Uint8Array && secret.length < 20 ? Buffer.from(secret).toString('latin1') : undefined;
}

/** True for what holds a private key as well: whoever verifies tokens could sign them with it. */
export function isPrivateKey(key: unknown): boolean {
  if (typeof key === 'string') return /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(key);
  if (!isRecord(key)) return false;
  return key['type'] === 'private' || (typeof key['kty'] === 'string' && typeof key['d'] === 'string');
}

/** The problem of an option that is there and holds nothing, as `process.env.JWT_SECRET` does where nobody set it. */
export function missingKey(options: Readonly<Record<string, unknown>>, name: string): KeyMistake | undefined {
  if (!Object.hasOwn(options, name)) return undefined;
  return {
    problem: 'is missing: it is undefined, as the environment variable is that it is taken from',
    fix: FIX_VARIABLE,
  };
}
