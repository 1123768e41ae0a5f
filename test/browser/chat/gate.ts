/** What stands between a browser and a server: it passes on what comes, and does what networks do. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Gate {
  /** Answers upgrades with 403, as proxies do that know no WebSockets. */
  refusesUpgrades = false;
  /** Upgrades that were let through, and those that were not. */
  passed = 0;
  refused = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(backend: number): Promise<Gate> {
    const server = createServer();
    const gate = new Gate(server);
    server.on('connection', (client) => gate.#accept(client, backend));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return gate;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections that there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #accept(client: Socket, backend: number): void {
    this.#watch(client);
    client.once('data', (head) => {
      const isUpgrade = /^upgrade: websocket\r$/im.test(String(head));
      if (isUpgrade) this[this.refusesUpgrades ? 'refused' : 'passed']++;
      if (isUpgrade && this.refusesUpgrades) {
        client.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const server = connect(backend, '127.0.0.1');
      this.#watch(server);
      server.write(head);
      client.pipe(server).pipe(client);
      for (const [one, other] of [[client, server] as const, [server, client] as const]) {
        one.on('close', () => other.destroy());
      }
    });
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
  }
}
