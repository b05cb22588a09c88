/**
 * The one WebSocket to the server: opened again whenever it ends, with pauses that grow and differ from page to page.
 *
 * What is said at the beginning of each connection makes the server tell everything anew, so nothing that was missed
 * has to be asked for.
 */

const FEATURES = ["cameras", "tracking", "lagged"];
const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 10_000;
/** Browsers do not say when a peer has silently gone: after so much silence it is asked, and after so much, given up. */
const ASK_AFTER = 20_000;
const GIVE_UP_AFTER = 35_000;
const BOXES = '{"type":"boundingBoxes"';

/** Close codes that a pasted token mends. */
const NEEDS_TOKEN = new Map([
  [4401, "This server asks for a token."],
  [4408, "The server did not get a token in time."],
  [4451, "Your token has expired."],
]);
const WHY = new Map([
  [1001, "The server is stopping."],
  [4452, "This page was too slow for what the server had to tell it."],
  [4453, "The server has as many connections as it takes."],
]);

/**
 * @typedef {"connecting" | "online" | "waiting" | "signed-out"} Status
 *
 * @typedef {object} Listener
 * @property {(status: Status, why: string) => void} status the connection is another one than before
 * @property {(message: any) => void} message everything but boxes
 * @property {(text: string) => void} boxes a `boundingBoxes`, unread
 *
 * @typedef {object} World what a test replaces
 * @property {(url: string) => WebSocket} open
 * @property {() => number} now milliseconds
 * @property {() => number} random
 * @property {(run: () => void, after: number) => any} later
 */

/** A request was not carried out. */
export class Refused extends Error {
  /** @param {string} code of the contract, or `disconnected` @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** @type {World} */
const BROWSER = {
  open: (url) => new WebSocket(url),
  now: () => performance.now(),
  random: Math.random,
  later: (run, after) => setTimeout(run, after),
};

export class Connection {
  /**
   * @param {string} url
   * @param {() => string | null} token asked for each connection; null for none
   * @param {Listener} listener
   * @param {World} [world]
   */
  constructor(url, token, listener, world = BROWSER) {
    this.url = url;
    this.token = token;
    this.listener = listener;
    this.world = world;
    /** @type {Status} */
    this.status = "connecting";
    /** @type {WebSocket | null} */
    this.socket = null;
    this.failures = 0;
    this.retryAt = NaN;
    this.retry = 0;
    this.requests = new Map();
    this.count = 0;
    /**
     * What waits for each `hello` that was said: how a renewal went shows in what comes before its `welcome`.
     * @type {({resolve: () => void, reject: (error: Refused) => void} | null)[]}
     */
    this.greetings = [];
    this.refusal = "";
    this.heardAt = 0;
    /** @type {string[] | null} */
    this.cameraIds = null;
  }

  /** Connect now, whatever was waited for. */
  connect() {
    this.drop();
    this.change("connecting", "");
    const socket = this.world.open(this.url);
    this.socket = socket;
    this.heardAt = this.world.now();
    socket.onopen = () => socket === this.socket && this.greet();
    socket.onmessage = (event) => socket === this.socket && this.hear(event.data);
    socket.onclose = (event) => socket === this.socket && this.lost(event.code);
  }

  /** To be called every few seconds. */
  watch() {
    const silence = this.world.now() - this.heardAt;
    if (this.socket === null) return;
    if (silence > GIVE_UP_AFTER) this.lost(1006);
    else if (silence > ASK_AFTER && this.status === "online" && !this.greetings.length) this.hello(null);
  }

  /** Let the server say again how things stand. */
  resync() {
    if (this.status === "online") this.hello(null);
  }

  /**
   * Show another token on the connection that is open.
   * @param {string} token
   * @returns {Promise<void>} rejected with `Refused` where it is not taken; the old one goes on then
   */
  renew(token) {
    return new Promise((resolve, reject) => {
      if (this.status !== "online") return reject(new Refused("disconnected", "Not connected."));
      this.send({ type: "authenticate", jwt: token });
      this.hello({ resolve, reject });
    });
  }

  /**
   * Want the boxes of these cameras only, of all where null.
   * @param {string[] | null} cameraIds
   */
  subscribe(cameraIds) {
    // As JSON, for a camera's id may hold a comma, or be `null`.
    if (JSON.stringify(cameraIds) === JSON.stringify(this.cameraIds)) return;
    this.cameraIds = cameraIds;
    if (this.status === "online") this.send({ type: "subscribe", cameraIds });
  }

  /**
   * Ask for something.
   * @param {{[member: string]: string}} members each as JSON text, so that what came from a peer goes back as it came
   * @returns {Promise<number>} the object; rejected with `Refused`
   */
  request(members) {
    return new Promise((resolve, reject) => {
      if (this.status !== "online") return reject(new Refused("disconnected", "Not connected: nothing was sent."));
      const requestId = `console-${++this.count}`;
      this.requests.set(requestId, { resolve, reject });
      const all = Object.entries({ ...members, requestId: JSON.stringify(requestId) });
      this.socket?.send(`{${all.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`);
    });
  }

  /** @private */
  greet() {
    const token = this.token();
    if (token !== null) this.send({ type: "authenticate", jwt: token });
    this.hello(null);
    this.send({ type: "setUsesImages", usesImages: true });
    if (this.cameraIds !== null) this.send({ type: "subscribe", cameraIds: this.cameraIds });
  }

  /** @private @param {{resolve: () => void, reject: (error: Refused) => void} | null} renewal */
  hello(renewal) {
    this.greetings.push(renewal);
    this.send({ type: "hello", features: FEATURES });
  }

  /** @private @param {object} message */
  send(message) {
    this.socket?.send(JSON.stringify(message));
  }

  /** @private @param {string} text */
  hear(text) {
    this.heardAt = this.world.now();
    if (text.startsWith(BOXES)) return this.listener.boxes(text);
    const message = JSON.parse(text);
    if (message.type === "welcome") this.welcomed();
    if (this.answers(message)) return;
    this.listener.message(message);
  }

  /** @private */
  welcomed() {
    this.greetings.shift()?.resolve();
    this.failures = 0;
    if (this.status !== "online") this.change("online", "");
  }

  /** Whether `message` answers what was asked here. @private @param {any} message */
  answers(message) {
    const request = this.requests.get(message.requestId);
    if (request) {
      this.requests.delete(message.requestId);
      if (message.type === "accepted") request.resolve(message.objectId);
      else request.reject(new Refused(message.code, message.message));
      return true;
    }
    if (message.type !== "error" || (message.code !== "unauthenticated" && message.code !== "forbidden")) return false;
    this.refusal = message.message;
    const renewal = this.greetings[0];
    if (renewal) {
      this.greetings[0] = null;
      renewal.reject(new Refused(message.code, message.message));
    }
    return true;
  }

  /** @private @param {number} code */
  lost(code) {
    const refusal = this.refusal;
    this.drop();
    const needsToken = NEEDS_TOKEN.get(code);
    if (needsToken) {
      this.change("signed-out", refusal ? `The token was refused: ${refusal}.` : needsToken);
      return;
    }
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures) * (0.5 + this.world.random());
    this.failures += 1;
    this.retryAt = this.world.now() + pause;
    const retry = ++this.retry;
    this.world.later(() => retry === this.retry && this.status === "waiting" && this.connect(), pause);
    this.change("waiting", WHY.get(code) ?? "The server cannot be reached.");
  }

  /** @private */
  drop() {
    const [socket, requests, greetings] = [this.socket, [...this.requests.values()], this.greetings];
    this.socket = null;
    this.refusal = "";
    this.requests.clear();
    this.greetings = [];
    socket?.close();
    const gone = new Refused("disconnected", "The connection broke before the answer came.");
    for (const waiting of [...requests, ...greetings]) waiting?.reject(gone);
  }

  /** @private @param {Status} status @param {string} why */
  change(status, why) {
    this.status = status;
    this.listener.status(status, why);
  }
}
