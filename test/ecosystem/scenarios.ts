/**
 * The scenarios: which packages each is about, what it reports when all is well, and which faults of the engine it has to
 * notice. What stands here was reported with ws first; nothing may be different with framewright.
 */

export type Fault =
  | 'swapped kinds'
  | 'text sent as binary'
  | 'lost messages'
  | 'altered byte'
  | 'lost close code'
  | 'lost pongs'
  | 'lost subprotocol'
  | 'damaged broadcasts';

export interface Scenario {
  /** The script of this name in `project/`. */
  readonly script: string;
  readonly packages: readonly string[];
  readonly facts: unknown;
  readonly notices: readonly Fault[];
}

export const SCENARIOS: readonly Scenario[] = [
  {
    script: 'socket-io',
    packages: ['socket.io', 'socket.io-client'],
    notices: ['swapped kinds', 'text sent as binary', 'lost messages', 'altered byte', 'damaged broadcasts'],
    facts: {
      upgraded: {
        transports: ['polling', 'websocket'],
        json: {
          list: [1, 'zwei', null],
          text: 'héllo ✓',
        },
        engines: [true, true],
        extensions: ['permessage-deflate', 'permessage-deflate'],
        binary: [true, true],
        longText: true,
        isTextSmallOnTheWire: [true, true],
        roomsOfMember: 2,
        heard: {
          ada: ['to red', 'to all'],
          bob: ['from ada', 'to red', 'to all'],
          eve: ['to all', 'not to red'],
        },
        answers: [70000, 70000],
        refusal: [
          'no entry',
          {
            hint: 'token',
          },
        ],
        greeting: '/guarded',
        toldToLeave: 'io server disconnect',
        sentTooMuch: 'transport close',
        seenByServer: ['client namespace disconnect', 'server namespace disconnect', 'transport error'],
      },
      encodedBeforehand: {
        transports: ['websocket'],
        json: {
          list: [1, 'zwei', null],
          text: 'héllo ✓',
        },
        engines: [true, true],
        extensions: ['', ''],
        binary: [true, true],
        longText: true,
        isTextSmallOnTheWire: [false, false],
        roomsOfMember: 2,
        heard: {
          ada: ['to red', 'to all'],
          bob: ['from ada', 'to red', 'to all'],
          eve: ['to all', 'not to red'],
        },
        answers: [70000, 70000],
        refusal: [
          'no entry',
          {
            hint: 'token',
          },
        ],
        greeting: '/guarded',
        toldToLeave: 'io server disconnect',
        sentTooMuch: 'transport close',
        seenByServer: ['client namespace disconnect', 'server namespace disconnect', 'transport error'],
      },
    },
  },
  {
    script: 'graphql-ws',
    packages: ['graphql-ws'],
    notices: [
      'swapped kinds',
      'text sent as binary',
      'lost messages',
      'altered byte',
      'lost close code',
      'lost pongs',
      'lost subprotocol',
    ],
    facts: {
      query: [
        {
          data: {
            shout: 'GRÜSSE',
          },
        },
      ],
      error: [
        {
          data: {
            fail: null,
          },
          errors: [
            {
              message: 'as asked',
              locations: [
                {
                  line: 1,
                  column: 3,
                },
              ],
              path: ['fail'],
            },
          ],
        },
      ],
      longAnswer: true,
      subscription: [1, 2, 3, 4, 5],
      streams: [50, 50, 50, 50, 50, 50, 50, 50],
      protocol: ['graphql-transport-ws', true],
      disposed: [1000, 'Normal Closure', true],
      closes: {
        noSubprotocol: [4406, 'Subprotocol not acceptable'],
        notJson: [4400, 'Invalid message received'],
        beforeInit: [4401, 'Unauthorized'],
        initTwice: [4429, 'Too many initialisation requests'],
        refused: [4403, 'Forbidden'],
        sameId: [4409, 'Subscriber for 1 already exists'],
        noInit: [4408, 'Connection initialisation timeout'],
      },
      noCommonSubprotocol: 'Server sent no subprotocol',
      deaf: 1006,
      serverGone: [1001, 'Going away'],
    },
  },
  {
    script: 'mqtt',
    packages: ['mqtt', 'aedes', 'aedes-server-factory'],
    notices: ['swapped kinds', 'lost messages', 'altered byte', 'lost close code', 'lost subprotocol'],
    facts: {
      stream: {
        granted: [
          ['kept/#', 2],
          ['news/+', 2],
          ['wills', 2],
        ],
        retained: [['kept/state', 'retained ✓', 1, true]],
        news: [
          ['news/text', 'QoS 0', 0, false],
          ['news/large', true, 0, false],
          ['news/text', 'QoS 1', 1, false],
          ['news/large', true, 1, false],
          ['news/text', 'QoS 2', 2, false],
          ['news/large', true, 2, false],
        ],
        will: [['wills', 'gone', 1, false]],
        inOrder: true,
      },
      wire: [['mqtt'], ['binary'], true, [1005, 1005, 1006]],
      factory: {
        granted: [
          ['kept/#', 2],
          ['news/+', 2],
          ['wills', 2],
        ],
        retained: [['kept/state', 'retained ✓', 1, true]],
        news: [
          ['news/text', 'QoS 0', 0, false],
          ['news/large', true, 0, false],
          ['news/text', 'QoS 1', 1, false],
          ['news/large', true, 1, false],
          ['news/text', 'QoS 2', 2, false],
          ['news/large', true, 2, false],
        ],
        will: [['wills', 'gone', 1, false]],
        inOrder: true,
      },
    },
  },
  {
    script: 'express',
    packages: ['express', 'express-session'],
    notices: ['swapped kinds', 'text sent as binary', 'lost messages', 'altered byte', 'lost close code'],
    facts: {
      withoutCookie: [401, 'http://example.com false', 'log in first'],
      login: {
        welcome: 'ada',
      },
      forgedCookie: 401,
      otherPath: 400,
      engine: [true, 'permessage-deflate'],
      text: ['ada: hello', false],
      bytes: [[0, 255, 1], true],
      visits: {
        visits: 2,
      },
      plainGetOfSocketPath: 404,
      close: [4001, 'enough', [4001, 'enough']],
    },
  },
  {
    script: 'fastify',
    packages: ['@fastify/websocket'],
    notices: ['swapped kinds', 'text sent as binary', 'lost messages', 'altered byte', 'lost close code'],
    facts: {
      engine: [true, true, 'permessage-deflate'],
      echoes: [
        ['ada: grüße', false],
        ['noise', true],
        ['ada: ', false],
        ['', true],
      ],
      kinds: [
        ['[false,4]', false],
        ['[true,80000]', false],
      ],
      closed: ['3000', 'thanks'],
      broadcast: [
        ['to everyone', false],
        ['to everyone', false],
      ],
      throws: 1006,
      rejects: 1006,
      tooLong: 1009,
      errors: ['thrown by the handler', 'rejected by the handler', 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'],
      refusal: 'Unexpected server response: 401',
      unknown: 'Unexpected server response: 404',
      overHttp: {
        over: 'http',
      },
      overWebSocket: 'over ws',
      injected: [
        ['eve: hi', false],
        ['noise', true],
      ],
      injectedRefusal: 'Unexpected server response: 401',
      injectedClose: ['1000', 'done'],
      closedWithApp: 1005,
    },
  },
  {
    script: 'vite-hmr',
    packages: ['vite'],
    notices: ['swapped kinds', 'lost messages', 'altered byte', 'lost close code', 'lost subprotocol'],
    facts: {
      engine: [true, 'vite-hmr'],
      connected: {
        type: 'connected',
        isBinary: false,
      },
      isTransformed: true,
      update: ['update', [['js-update', '/main.js', '/color.js']], false],
      reload: ['full-reload', '*'],
      answer: [
        'app:answer',
        {
          asked: 'grüße',
        },
      ],
      neighbour: 'live: hi',
      wrongToken: 'Unexpected server response: 400',
      ping: 1000,
      closedWithVite: 1006,
    },
  },
  {
    script: 'chromium',
    packages: ['puppeteer-core', 'chrome-remote-interface'],
    notices: ['swapped kinds', 'text sent as binary', 'lost messages', 'altered byte'],
    facts: {
      puppeteer: {
        title: 'noise',
        evaluated: '✓ü✓ü✓ü',
        longWay: true,
        browserSocket: [['grüße', 70000], 'noise.v1', 'permessage-deflate', 4000, true],
        screenshot: ['PNG', true],
      },
      remote: {
        engine: true,
        evaluated: 'noisetrue',
        screenshot: ['PNG', true],
      },
    },
  },
  {
    script: 'yjs',
    packages: ['y-websocket', '@y/websocket-server'],
    notices: ['swapped kinds', 'lost messages', 'altered byte'],
    facts: {
      engine: true,
      lateComer: 'written before the connection',
      isSame: true,
      isNoise: true,
      cursor: 7,
      left: [1, true],
      atServer: 129,
      kinds: [true],
    },
  },
  {
    script: 'nes',
    packages: ['@hapi/nes'],
    notices: ['swapped kinds', 'text sent as binary', 'lost messages', 'altered byte'],
    facts: {
      engine: true,
      sum: [
        200,
        {
          sum: 6,
        },
      ],
      long: 300000,
      missing: 404,
      message: {
        payload: {
          got: 'grüße',
        },
      },
      news: [
        {
          day: 1,
        },
        {
          day: 2,
        },
        {
          day: 3,
        },
      ],
      broadcast: ['to all'],
      isConnected: true,
      otherOrigin: 'Socket error',
    },
  },
  {
    script: 'crossws',
    packages: ['crossws'],
    notices: [
      'swapped kinds',
      'text sent as binary',
      'lost messages',
      'altered byte',
      'lost close code',
      'lost pongs',
      'lost subprotocol',
    ],
    facts: {
      engine: true,
      greeting: ['hello from /plain to 127.0.0.1', false],
      handshake: ['/plain', 'chat'],
      extensions: ['', 'permessage-deflate'],
      echoes: [
        ['text', false],
        ['bytes', true],
      ],
      long: [10000, true],
      published: ['{"by":"a peer"}', false],
      pong: 'are you there',
      ping: 'are you there',
      refused: 'Unexpected server response: 403',
      close: [4123, 'good bye'],
      closeAll: [1012, 'restart'],
    },
  },
];
