import { Controller, type INestMicroservice } from '@nestjs/common';
import { ClientProxyFactory, EventPattern, MessagePattern, Transport, type ClientProxy } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public, Roles, SecurityModule } from '@palisade/nest';
import { firstValueFrom } from 'rxjs';
import { redisServer, withRedis } from './redis-server.js';

const heard: string[] = [];

@Controller()
class Accounts {
  @MessagePattern('ask')
  @Roles('admin')
  ask() {
    return 'balance';
  }

  @MessagePattern('open')
  @Public()
  open() {
    return [...heard];
  }

  @EventPattern('hear')
  hear(payload: string) {
    heard.push(payload);
  }
}

withRedis('a microservice over Redis', () => {
  const server = redisServer();

  // Clients are closed before the server stops.
  describe('with a client', () => {
    let service: INestMicroservice;
    let client: ClientProxy;

    beforeAll(async () => {
      const options = { transport: Transport.REDIS, options: { host: '127.0.0.1', port: server().port } } as const;
      const module = await Test.createTestingModule({
        imports: [SecurityModule.forRoot({ authorization: { roles: ['admin'] } })],
        controllers: [Accounts],
      }).compile();
      service = module.createNestMicroservice({ ...options, logger: false });
      await service.listen();
      client = ClientProxyFactory.create(options);
      await client.connect();
    });

    afterAll(async () => {
      await client.close();
      await service.close();
    });

    it('denies messages with a code, and events in silence', async () => {
      await expect(firstValueFrom(client.send('ask', {}))).rejects.toMatchObject({
        status: 'error',
        statusCode: 403,
        code: 'transport_unsupported',
      });
      await firstValueFrom(client.emit('hear', 'event'), { defaultValue: undefined });
      expect(await firstValueFrom(client.send('open', {}))).toEqual([]);
    });
  });
});
