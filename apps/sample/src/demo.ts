import { runDemo } from './demo/demo.js';

const LIMIT_SECONDS = 60;

const watchdog = setTimeout(() => {
  console.error(`The demo did not end within ${LIMIT_SECONDS} seconds.`);
  process.exit(1);
}, LIMIT_SECONDS * 1000);
watchdog.unref();

const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;

try {
  const { passed, failed } = await runDemo((line) => console.log(line), colours);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
