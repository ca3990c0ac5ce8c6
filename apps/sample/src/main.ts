import { createLedger } from './app.js';
import { readConfiguration } from './configuration.js';
import { DEMO_USERS } from './seeding/demo-users.js';

try {
  const configuration = readConfiguration(process.env);
  const { app } = await createLedger(configuration);
  app.enableShutdownHooks();
  try {
    await app.listen(configuration.port, configuration.host);
  } catch (error) {
    await app.close();
    throw error;
  }
  console.log(`Ledger listens on ${await app.getUrl()} (${configuration.adapter}).`);
  const { demo } = configuration;
  if (demo !== undefined) {
    const names = DEMO_USERS.map(({ username }) => username).join(', ');
    console.log(`Demo users ${names}; password ${demo.generated ? demo.password : 'as in DEMO_PASSWORD'}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
