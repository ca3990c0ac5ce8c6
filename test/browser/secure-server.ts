import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { RunningApplication } from '../support/application.js';
import type { Certificate } from './certificate.js';

/** A second server of an application, which speaks TLS; its port is known before the application is made. */
export class SecureServer {
  private constructor(private readonly server: Server) {}

  static open({ key, cert }: Certificate): Promise<SecureServer> {
    return new Promise((resolve, reject) => {
      const server = createServer({ key, cert });
      server.on('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new SecureServer(server)));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Hands requests to whatever listens on the server of the application. */
  serve({ app }: RunningApplication): void {
    this.server.on('request', (request, response) => app.getHttpServer().emit('request', request, response));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
