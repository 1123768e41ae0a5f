/** A way to a port that can be cut, and lead elsewhere. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Tunnel {
  target: number;
  #isCut = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #fars: Socket[] = [];

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((socket) => {
      if (this.#isCut) {
        socket.destroy();
        return;
      }
      const far = connect(this.target, '127.0.0.1');
      this.#fars.push(far);
      this.#keep(socket, far);
      this.#keep(far, socket);
    });
  }

  static async to(target: number): Promise<Tunnel> {
    const tunnel = new Tunnel(target);
    tunnel.#server.listen(0, '127.0.0.1');
    await once(tunnel.#server, 'listening');
    return tunnel;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #keep(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    from
      .on('error', () => {})
      .on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
  }

  /** Ends all that goes through it, and lets nothing more through. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(): void {
    this.#isCut = false;
  }

  /** Swallows from now on what comes back through one of its connections, which stays. */
  mute(index: number): void {
    const far = this.#fars[index]!;
    far.unpipe();
    far.resume();
  }

  /** Ends the newest but `index` of its connections. */
  close(index: number): void {
    this.#fars.at(-1 - index)!.destroy();
  }

  /** How many connections it has had. */
  get count(): number {
    return this.#fars.length;
  }

  /** Leads elsewhere from now on. */
  leadTo(target: number): void {
    this.target = target;
    this.cut();
    this.restore();
  }

  end(): void {
    this.#server.close();
    this.cut();
  }
}
