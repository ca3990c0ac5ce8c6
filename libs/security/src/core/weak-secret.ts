/** What people type until there is time for a real secret; spelt without the signs between the words. */
const WORDS = [
  'secret',
  'password',
  'passphrase',
  'changeme',
  'changethis',
  'replaceme',
  'placeholder',
  'example',
  'default',
  'keyboardcat',
  'letmein',
  'qwerty',
];
const SEQUENCES = ['0123456789', '1234567890', 'abcdefghij'];

/** A random secret of 32 bytes has about 30 distinct ones; written as hexadecimal digits, about 14. */
const FEWEST_DISTINCT_BYTES = 8;

/**
 * True for a secret that is long enough and can be guessed all the same: a known word, a repetition, a sequence, few
 * distinct bytes.
 */
export function isWeakSecret(secret: string | Uint8Array): boolean {
  const bytes = Buffer.from(secret);
  return (
    new Set(bytes).size < FEWEST_DISTINCT_BYTES || isRepetition(bytes) || isProgression(bytes) || namesAWord(bytes)
  );
}

/** A shorter unit, written again and again; the last time perhaps cut short. */
function isRepetition(bytes: Buffer): boolean {
  for (let unit = 1; unit <= bytes.length / 2; unit++) {
    if (bytes.subarray(unit).equals(bytes.subarray(0, -unit))) return true;
  }
  return false;
}

/** Each byte differs from the one before by the same step. */
function isProgression(bytes: Buffer): boolean {
  const step = (index: number) => ((bytes[index] ?? 0) - (bytes[index - 1] ?? 0)) & 0xff;
  for (let index = 2; index < bytes.length; index++) {
    if (step(index) !== step(1)) return false;
  }
  return true;
}

function namesAWord(bytes: Buffer): boolean {
  const letters = bytes
    .toString('latin1')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
  return [...WORDS, ...SEQUENCES].some((word) => letters.includes(word));
}
